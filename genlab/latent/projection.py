"""Projection: the codes whose images look most like given ones, found by optimisation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from genlab.errors import GenlabError

Function = Callable[[Tensor], Tensor]
RATE = 0.1
"""Adam's initial learning rate, in standard deviations of codes; it falls to 0 along a cosine."""
AT_ONCE = 100
"""Number of candidates decoded at a time."""


@dataclass(frozen=True)
class Projection:
    """Codes of N images.

    Args:
        codes: (N, D).
        images: what they decode to, (N, C, H, W).
        distances: distances of these images from the given ones, (N,), relative to random codes': 0 is perfect.
    """

    codes: Tensor
    images: Tensor
    distances: Tensor


def project(
    x: Tensor,
    decode: Function,
    candidates: Tensor,
    *,
    features: Sequence[Function] = (),
    steps: int = 300,
    starts: int = 4,
    prior_weight: float = 0.02,
    progress: bool = False,
) -> Projection:
    """Find the codes of images, as in Abdal et al. (2019, algorithm 1) and Karras et al. (2020, appendix D).

    Adam minimises, separately for each image, the mean over kinds of features f of |f(G(z)) - f(x)|² / s, where s is
    the mean of these squared distances over the candidates, so that all kinds count equally, plus `prior_weight` times
    the mean of u², where u is the code's offset from the candidates' mean in their standard deviations. It starts from
    several of the nearest candidates, and keeps the best result.

    Args:
        x: images, (N, C, H, W).
        decode: maps codes (B, D) to images (B, C, H, W), differentiably.
        candidates: typical codes, (M, D), such as 1,000 from a prior.
        features: what images are compared by besides their pixels: each maps (B, C, H, W) to features (B, F).
        steps: number of optimisation steps.
        starts: number of candidates to start from.
        prior_weight: weight of the distance from typical codes.
        progress: whether to show a progress bar.

    Raises:
        GenlabError: for images whose shape differs from that of decoded ones.

    Example:
        >>> model = genlab.GAN((1, 8, 8), code_size=4).eval()
        >>> found = project(model.sample(2, seed=0), model.decode, model.draw_codes(50), steps=3)
        >>> found.codes.shape
        torch.Size([2, 4])
    """
    kinds: list[Function] = [lambda images: images.flatten(1), *features]
    with torch.no_grad():
        wanted = [kind(x) for kind in kinds]
        nearest, scales = _nearest(x, wanted, decode, candidates, kinds, starts)
    count = nearest.shape[1]
    deviation, mean = torch.std_mean(candidates, 0, correction=0)
    offsets = ((candidates[nearest.flatten()] - mean) / deviation.clamp(min=1e-8)).requires_grad_()
    targets = [target.repeat_interleave(count, 0) for target in wanted]
    scales = scales.repeat_interleave(count, 1)

    def distances(codes: Tensor) -> tuple[Tensor, Tensor]:
        images = decode(codes)
        pairs = zip(kinds, targets, scales, strict=True)
        parts = [(kind(images) - target).square().sum(1) / scale for kind, target, scale in pairs]
        return torch.stack(parts).mean(0), images

    optimizer = torch.optim.Adam([offsets], RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps))
    with tqdm(range(steps), "Projecting", unit=" steps", disable=not progress) as bar:
        for _ in bar:
            found, _ = distances(mean + deviation * offsets)
            losses = found + prior_weight * offsets.square().mean(1)
            (offsets.grad,) = torch.autograd.grad(losses.sum(), offsets)
            optimizer.step()
            schedule.step()
            bar.set_postfix(distance=f"{found.detach().view(-1, count).amin(1).mean():.3f}", refresh=False)
    with torch.no_grad():
        codes = mean + deviation * offsets
        found, images = distances(codes)
        best = (found + prior_weight * offsets.square().mean(1)).view(-1, count).argmin(1)
        chosen = best + count * torch.arange(len(x), device=best.device)
    return Projection(codes[chosen], images[chosen], found[chosen])


def _nearest(
    x: Tensor,
    wanted: Sequence[Tensor],
    decode: Function,
    candidates: Tensor,
    kinds: Sequence[Function],
    starts: int,
) -> tuple[Tensor, Tensor]:
    """Find the candidates whose images are nearest to given ones, (N, starts), and each kind's scale, (kinds, N)."""
    decoded = [decode(some) for some in candidates.split(AT_ONCE)]
    if x.shape[1:] != decoded[0].shape[1:]:
        taken, given = tuple(decoded[0].shape[1:]), tuple(x.shape[1:])
        raise GenlabError(f"images are of shape {given}; these codes decode to images of shape {taken}")
    of_candidates = [torch.cat([*map(kind, decoded)]) for kind in kinds]
    pairs = zip(wanted, of_candidates, strict=True)
    squares = torch.stack([torch.stack([(one - others).square().sum(1) for one in ones]) for ones, others in pairs])
    scales = squares.mean(2).clamp(min=torch.finfo(x.dtype).tiny)
    nearest = (squares / scales[..., None]).sum(0).topk(min(starts, len(candidates)), largest=False).indices
    return nearest, scales
