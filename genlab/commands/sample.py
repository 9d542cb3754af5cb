"""`genlab sample`: new images from a trained model."""

import torch

from genlab import images
from genlab.commands.common import Trained, positive, tool_parser
from genlab.models.capabilities import Samples


def main(arguments: list[str]) -> None:
    """Draw new images from a trained model, as one picture."""
    parser = tool_parser("sample", main.__doc__)
    parser.add_argument("-n", "--count", type=positive, default=64, help="how many (default 64)")
    parser.add_argument("--columns", type=positive, default=8, help="images in a row (default 8)")
    given = parser.parse_args(arguments)
    trained = Trained(given)
    model = trained.able_to(Samples)  # type: ignore[type-abstract]
    path = trained.out("sample")
    with torch.no_grad():
        samples = model.sample(given.count, generator=torch.Generator().manual_seed(given.seed))
    images.save(images.grid(samples, given.columns), path)
    print(path)
