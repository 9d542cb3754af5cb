"""Codes of sentences: a VAE beside an autoencoder and a language model of its size, and its speed beside a bare loop.

    python benchmarks/sentences.py quality                           on the embedded English, seeds 0 to 2
    python benchmarks/sentences.py quality --sentences my_sentences --seeds 0
    python benchmarks/sentences.py speed                             sentence_vae.yaml, 20 batches of 64 per round

Quality is that of `genlab fit` with `sentence_lm.yaml`, `sentence_vae.yaml` and `sentence_autoencoder.yaml`, by `genlab
evaluate` on test sentences, and by the midpoints of 500 walks, each between two test sentences, decoded greedily: the
share whose trigrams, including those over the start and the end, are all in the training set, and their log-probability
under the language model, with standard errors, beside the same of test sentences. Runs that are already in --out are
not trained again. For how speed is timed, see `rounds.py` beside this file.
"""

import argparse
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import rounds
import torch
import torch.nn.functional as F

import genlab
from genlab.cli.process import quieten
from genlab.data import Sentences
from genlab.networks import RecurrentDecoder, RecurrentEncoder
from genlab.runs import newest_run, run_folders, state

CONFIGS = Path(__file__).parents[1] / "configs"
FAMILIES = ("sentence_lm", "sentence_vae", "sentence_autoencoder")
METRICS = ("log_likelihood", "perplexity", "elbo", "kl", "mutual_information", "active_units", "words_right")
BATCHES, BATCH = 20, 64


def trigrams(sentence: str) -> set[tuple[str, ...]]:
    """Return the trigrams of a sentence, including its start and end."""
    words = ["<start>", *sentence.split(), "<end>"]
    return {*zip(words, words[1:], words[2:], strict=False)}


def told(sentences: Sequence[str], known: set[tuple[str, ...]], lm: Any) -> str:
    """Format measurements of sentences: share whose trigrams are all known, log-probability, length, with errors."""
    shares = torch.tensor([float(trigrams(sentence) <= known) for sentence in sentences])
    log_probs = torch.cat([lm.log_prob(list(part)) for part in batched(sentences)])
    lengths = torch.tensor([len(sentence.split()) + 1.0 for sentence in sentences])
    error = len(sentences) ** -0.5
    by_word = log_probs / lengths
    return (
        f"{shares.mean():.3f} +- {shares.std() * error:.3f} of all trigrams known, "
        f"log p {log_probs.mean():.2f} +- {log_probs.std() * error:.2f} nats, "
        f"{by_word.mean():.2f} +- {by_word.std() * error:.2f} a word, {lengths.mean() - 1:.1f} words, "
        f"{len({*sentences})} different"
    )


def batched(sentences: Sequence[str]) -> Iterator[Sequence[str]]:
    return (sentences[first : first + 100] for first in range(0, len(sentences), 100))


def walks(model: Any, starts: Sequence[str], ends: Sequence[str], steps: int) -> list[list[str]]:
    """Return the sentences of walks, a list for each walk."""
    found = []
    for some, others in zip(batched(starts), batched(ends), strict=True):
        found += [model.sentences(walk) for walk in model.interpolate(list(some), list(others), steps)]
    return found


def quality(given: argparse.Namespace) -> None:
    place = [f"--data.folder={given.sentences}"] if given.sentences else []
    data = Sentences(given.sentences)
    data.setup()
    known = set().union(*map(trigrams, data.train_set.sentences))
    for seed in given.seeds:
        models = {}
        for family in FAMILIES:
            root, name = Path(given.out), f"{family}_{seed}"
            if not any(state(run) == "finished" for run in run_folders(root, name)[-1:]):
                options = [f"--name={name}", *place, "--pictures.every_n_epochs=0"]
                rounds.genlab_trained(str(CONFIGS / f"{family}.yaml"), seed, given.epochs, given.out, *options)
            run = newest_run(root, name)
            found = rounds.evaluated(run)
            named = ", ".join(f"{metric} {shown(found[metric])}" for metric in METRICS if metric in found)
            print(f"seed {seed}: {family}: {named} ({found['unknown_words']:.2%} unknown words)", flush=True)
            models[family] = genlab.load(run)
        lm, *autoencoders = models.values()
        rows = torch.randperm(len(data.test_set), generator=torch.Generator().manual_seed(seed))
        chosen = [data.test_set.sentences[row] for row in rows[: 2 * given.walks]]
        starts, ends = chosen[::2], chosen[1::2]
        print(f"seed {seed}: test sentences: {told(starts, known, lm)}")
        for name, model in zip(FAMILIES[1:], autoencoders, strict=True):
            middles = [middle for _, middle, _ in walks(model, starts, ends, 3)]
            print(f"seed {seed}: middles of {name}: {told(middles, known, lm)}", flush=True)
            for start, end, walk in zip(starts[:10], ends, walks(model, starts[:10], ends[:10], 5), strict=False):
                print("\n".join([f"  {start}  ->  {end}", *(f"      {sentence}" for sentence in walk)]))


def shown(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def bare_rival(data: Sentences) -> Iterator[float]:
    """Yield the seconds of each epoch of a hand-written loop on prepared batches."""
    size = len(data.vocabulary)
    encoder = RecurrentEncoder(size, 32, embedding=128, hidden=256, dropout=0.5)
    decoder = RecurrentDecoder(size, 16, embedding=128, hidden=256, dropout=0.3, tied=True)
    encoder.embedding = decoder.embedding
    weights = [*torch.nn.ModuleList([encoder, decoder]).parameters()]
    adam = torch.optim.Adam(weights, lr=2e-3, fused=True)
    loader, step = data.train_dataloader(), 0
    while True:
        batches = [batch["tokens"] for batch, _ in zip(loader, range(BATCHES), strict=False)]
        began = rounds.time.perf_counter()
        for x in batches:
            mean, log_variance = encoder(x).chunk(2, 1)
            code = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
            real = x != 0
            logits = decoder(F.pad(x[:, :-1], (1, 0), value=2), code, real)
            reconstruction = F.cross_entropy(logits, x[real], reduction="sum") / len(x)
            units = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean(0)
            loss = reconstruction + 0.4 * min(1.0, step / 4000) * units.clamp(min=0.1).sum()
            adam.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 5.0)
            adam.step()
            step += 1
        yield rounds.time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["quality", "speed"])
    parser.add_argument("--sentences", help="a folder or file of sentences; default the embedded English")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, help="of training, and rounds of speed, two of them for warming up")
    parser.add_argument("--walks", type=int, default=500)
    parser.add_argument("--out", default="sentences", help="folder for the runs")
    given = parser.parse_args()
    quieten()
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    if given.what == "quality":
        quality(given)
        return
    data = Sentences(given.sentences, batch_size=BATCH)
    data.setup("fit")
    limits = [
        f"--trainer.limit_train_batches={BATCHES}",
        "--trainer.limit_val_batches=1",
        "--pictures.every_n_epochs=0",
        *([f"--data.folder={given.sentences}"] if given.sentences else []),
    ]
    with tempfile.TemporaryDirectory() as folder:
        config = str(CONFIGS / "sentence_vae.yaml")
        rounds.speed(config, given.epochs or 9, folder, {"bare loop": bare_rival(data)}, BATCHES * BATCH, *limits)


if __name__ == "__main__":
    main()
