"""`genlab reconstruct`: test images beside what the model makes of them."""

import torch

from genlab import images
from genlab.commands.common import Trained, positive, tool_parser
from genlab.models.capabilities import Conditional, Reconstructs, reconstructed


def main(arguments: list[str]) -> None:
    """Draw test images, chosen by --seed, each row above the row of their reconstructions.

    A denoising model reconstructs from corrupted images; these are drawn in between.
    """
    parser = tool_parser("reconstruct", main.__doc__)
    parser.add_argument("-n", "--count", type=positive, default=32, help="how many (default 32)")
    parser.add_argument("--columns", type=positive, default=8, help="images in a row (default 8)")
    given = parser.parse_args(arguments)
    trained = Trained(given)
    if not isinstance(trained.model, Conditional):  # which can reconstruct under conditions only
        trained.able_to(Reconstructs)  # type: ignore[type-abstract]
    path = trained.out("pictures/reconstruct.png")
    test_set = trained.data("test").test_set
    random = torch.Generator().manual_seed(given.seed)
    chosen = torch.randperm(len(test_set), generator=random)[: given.count]
    with torch.no_grad():
        model, originals = trained.able_to_with(test_set[chosen], Reconstructs)  # type: ignore[type-abstract]
        rows = reconstructed(model, originals, random)
    images.save(images.beside(*rows, columns=given.columns), path)
    print(path)
