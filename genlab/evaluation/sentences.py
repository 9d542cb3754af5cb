"""Likelihoods of sentences, the information in their codes, and the words that reconstructions get right."""

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from genlab.capabilities import Encodes, ExactLikelihood, HasLikelihood, can
from genlab.evaluation.rows import Row, averages
from genlab.evaluation.splits import Options, Splits
from genlab.losses.evidence import kl_standard_normal
from genlab.metrics.active_units import ActiveUnits
from genlab.metrics.information import mutual_information
from genlab.vocabulary import PAD, UNKNOWN

AT_ONCE = 100
"""Number of sentences evaluated together."""
CODES = 500
"""Number of codes per sentence, unless another number is given."""


@torch.no_grad()
def judge_sentences(model: Any, splits: Splits, options: Options) -> list[Row]:
    """Measure log p(x) in nats per sentence, perplexity per word, codes and reconstructions, if the model has them.

    log p(x) is exact, or estimated from below by importance sampling, beside the ELBO with one code per sentence. The
    end of a sentence counts as a word. A word is right if the greedy reconstruction has it at the same place.
    """
    random = torch.Generator().manual_seed(options.seed)
    codes = options.codes or CODES
    scores: dict[str, list[Tensor]] = {}
    posteriors, tokens = [], []
    able: Any  # its capabilities are checked one by one
    for able, x in splits.seen_by(model, options, AT_ONCE, "Evaluating"):
        found = {}
        abilities = {capability for capability in (ExactLikelihood, HasLikelihood, Encodes) if can(able, capability)}
        if ExactLikelihood in abilities:
            found["log_likelihood"] = able.log_prob(x)
        elif HasLikelihood in abilities:
            found["elbo"] = able.elbo(x, random)
            found["log_likelihood"] = able.log_likelihood(x, codes, random)
            mean, log_variance = able.posterior(x.to(able.device))
            posteriors.append((mean.cpu(), log_variance.cpu()))
            found["kl"] = kl_standard_normal(*posteriors[-1])
        if Encodes in abilities:
            found["words_right"] = right(able.decode(able.encode(x)), x)
        for name, values in found.items():
            scores.setdefault(name, []).append(values.double())
        tokens.append(x[x != PAD])
    words = torch.cat(tokens)
    stamp = {
        f"{splits.split}_sentences": sum(map(len, next(iter(scores.values())))),
        "words_per_sentence": len(words) / sum(map(len, next(iter(scores.values())))),
        "unknown_words": (words == UNKNOWN).double().mean().item(),
        "vocabulary": len(model.vocabulary),
    }
    if posteriors:
        stamp["samples"] = codes
        stamp["mutual_information_at_most"] = math.log(stamp[f"{splits.split}_sentences"])  # that so few can show
    rows = [replace(row, unit="nats") if row.name == "kl" else row for row in averages(scores, stamp)]
    if "log_likelihood" in scores:
        nats = -torch.cat(scores["log_likelihood"]).sum() / len(words)
        rows.append(Row("perplexity", nats.exp().item(), stamp=stamp))
    if posteriors:
        means, log_variances = (torch.cat(parts) for parts in zip(*posteriors, strict=True))
        units = ActiveUnits(means.shape[1])
        units.update(means)
        information = mutual_information(means, log_variances, random).item()
        rows.append(Row("mutual_information", information, unit="nats", stamp=stamp))
        rows.append(Row("active_units", f"{int(units.compute())} of {means.shape[1]}", stamp=stamp))
    return rows


def right(decoded: Tensor, x: Tensor) -> Tensor:
    """Return the share of the words of sentences (B, T) that decoded ones, (B, T'), have at the same place: (B,)."""
    longest = max(decoded.shape[1], x.shape[1])
    decoded, x = (pad(tokens, (0, longest - tokens.shape[1]), value=PAD) for tokens in (decoded, x))
    real = x != PAD
    return ((decoded == x) & real).sum(1) / real.sum(1)
