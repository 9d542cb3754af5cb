"""`genlab interpolate`: from one image to another through the space of codes."""

import torch
from torch import Tensor

from genlab import images
from genlab.commands.common import Trained, positive, tool_parser
from genlab.errors import GenlabError
from genlab.latent import arc, line, square
from genlab.models.capabilities import Decodes, Encodes, Samples

PATHS = {"line": line, "arc": arc}


def main(arguments: list[str]) -> None:
    """Draw the images of codes between those of test images, or of samples, chosen by --seed.

    A line or an arc in each row; or a square between the images in its four corners.
    """
    parser = tool_parser("interpolate", main.__doc__)
    parser.add_argument("--along", choices=[*PATHS, "square"], default="line", help="the way (default line)")
    parser.add_argument("--between", choices=["images", "samples"], default="images", help="ends (default test images)")
    parser.add_argument("--steps", type=positive, default=9, help="images in a row, both ends included (default 9)")
    parser.add_argument("-n", "--count", type=positive, default=6, help="rows of lines or arcs (default 6)")
    given = parser.parse_args(arguments)
    trained = Trained(given)
    decoder = trained.able_to(Decodes)  # type: ignore[type-abstract]
    path = trained.out("pictures/interpolate.png")
    with torch.no_grad():
        codes = ends(trained, given.between, 4 if given.along == "square" else 2 * given.count)
        if given.along == "square":
            way = square(codes, given.steps)
        else:
            start, end = codes.chunk(2)
            way = PATHS[given.along](start, end, given.steps).flatten(0, 1)
        images.save(images.grid(decoder.decode(way), given.steps), path)
    print(path)


def ends(trained: Trained, kind: str, count: int) -> Tensor:
    """Codes of test images, or of samples, to go between: (count, code_size)."""
    random = torch.Generator().manual_seed(trained.given.seed)
    if kind == "samples":
        trained.able_to(Samples)  # type: ignore[type-abstract]
        return torch.randn(count, trained.able_to(Decodes).code_size, generator=random)  # type: ignore[type-abstract]
    if isinstance(trained.model, Samples) and not isinstance(trained.model, Encodes):
        raise GenlabError(f"the {type(trained.model).__name__} cannot encode images; give --between samples")
    encoder = trained.able_to(Encodes)  # type: ignore[type-abstract]
    test_set = trained.test_images()
    return encoder.encode(test_set[torch.randperm(len(test_set), generator=random)[:count]]["image"])
