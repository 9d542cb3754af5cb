"""A user's own sentences: typed on the command line, or in the files of --input."""

import contextlib
import warnings
from typing import Any

from genlab.commands.shared.trained import Trained
from genlab.data.batches.sentences import SentenceTensors
from genlab.data.files.text_files import read_lines
from genlab.errors import GenlabError, counted, listed
from genlab.vocabulary import SPECIALS, UNKNOWN, Vocabulary


def typed_sentences(trained: Trained, options: dict[str, str]) -> SentenceTensors:
    """Read sentences that were typed as the values of options, given by option name.

    Raises:
        GenlabError: for an empty sentence, one that is too long for the model, and one with unknown words.
    """
    model: Any = trained.model
    vocabulary, found = Vocabulary(model.vocabulary), []
    for option, text in options.items():
        words = words_of(trained, text)
        count = len(words.split())
        if not count:
            raise GenlabError(f"{option} is empty; give a sentence, '{option} \"i like tea .\"'")
        if unknown := vocabulary.unknown(words):
            near = [f"'{word}'" + (f" (nearest: {n})" if (n := vocabulary.nearest(word)) else "") for word in unknown]
            raise GenlabError(
                f"{option} has words that the {type(model).__name__} does not know: {listed(near)}; use others, or "
                f"write {SPECIALS[UNKNOWN]} for an unknown word"
            )
        if count >= model.max_length:
            raise GenlabError(
                f"{option} has {counted(count, 'word')}; the {type(model).__name__} takes sentences of up to "
                f"{model.max_length - 1}"
            )
        found.append(words)
    return SentenceTensors(found, vocabulary)


def sentences_in(trained: Trained, paths: Any) -> SentenceTensors:
    """Read the sentences of text files, one per line; warn of unknown words, and of long sentences, which are left out.

    Raises:
        GenlabError: for files that cannot be read, and if all sentences are too long.
    """
    model: Any = trained.model
    vocabulary = Vocabulary(model.vocabulary)
    lines = [words_of(trained, line) for path in paths for line in read_lines(path)]
    kept = [line for line in lines if len(line.split()) < model.max_length]
    where = listed([str(path) for path in paths])
    if not kept:
        raise GenlabError(
            f"{where}: all of {counted(len(lines), 'sentence')} have more than {model.max_length - 1} words, the most "
            f"that the {type(model).__name__} takes"
        )
    if len(kept) < len(lines):
        long = counted(len(lines) - len(kept), "sentence")
        warnings.warn(f"{where}: {long} of more than {model.max_length - 1} words left out", stacklevel=2)
    unknown = [word for line in kept for word in line.split() if word not in vocabulary]
    if unknown:
        share = len(unknown) / sum(len(line.split()) for line in kept)
        few = listed([*dict.fromkeys(unknown)])
        warnings.warn(f"{where}: {counted(len(unknown), 'word')} ({share:.1%}) unknown: {few}", stacklevel=2)
    return SentenceTensors(kept, vocabulary)


def words_of(trained: Trained, text: str) -> str:
    """Split a text into words as the model's data are split, if these are known; return them separated by spaces."""
    with contextlib.suppress(GenlabError):  # a checkpoint need not say what data it was trained on
        return str(trained.unread_data.words_of(text))  # type: ignore[attr-defined]
    return " ".join(text.split())
