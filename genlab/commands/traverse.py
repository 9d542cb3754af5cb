"""`genlab traverse`: what single units of a code do."""

import torch

from genlab import images
from genlab.commands.common import Trained, encoded, finite, positive, tool_parser
from genlab.models.capabilities import Decodes, Encodes

CODES = 5000
"""Test images at most whose codes say how far a unit goes."""


def main(arguments: list[str]) -> None:
    """Draw a test image again and again, each row with one unit of its code changed from low to high.

    The units are those that vary most over test images, the first one on top; they go from so many standard deviations
    below their mean to as many above. The first column shows the image itself.
    """
    parser = tool_parser("traverse", main.__doc__)
    parser.add_argument("--units", type=positive, default=10, help="how many units at most (default 10)")
    parser.add_argument("--steps", type=positive, default=9, help="values of each (default 9)")
    parser.add_argument("--range", type=finite, default=3.0, help="standard deviations up and down (default 3)")
    given = parser.parse_args(arguments)
    trained = Trained(given)
    encoder = trained.able_to(Encodes)  # type: ignore[type-abstract]
    decoder = trained.able_to(Decodes)  # type: ignore[type-abstract]
    path = trained.out("pictures/traverse.png")
    test_set = trained.test_images()
    chosen = torch.randperm(len(test_set), generator=torch.Generator().manual_seed(given.seed))[:CODES]
    codes = encoded(encoder, test_set, chosen)
    deviation, mean = torch.std_mean(codes, 0)
    units = deviation.argsort(descending=True)[: given.units]
    values = mean[units, None] + deviation[units, None] * torch.linspace(-given.range, given.range, given.steps)
    changed = codes[0].repeat(len(units), given.steps, 1)
    changed.scatter_(2, units[:, None, None].expand(-1, given.steps, 1), values[:, :, None])
    original = test_set[chosen[:1]]["image"]
    with torch.no_grad():
        rows = decoder.decode(changed.flatten(0, 1)).unflatten(0, (len(units), given.steps))
    picture = torch.cat([original.expand(len(units), 1, *original.shape[1:]), rows], 1)
    images.save(images.grid(picture.flatten(0, 1), given.steps + 1), path)
    print(f"units {', '.join(map(str, units.tolist()))}\n{path}")
