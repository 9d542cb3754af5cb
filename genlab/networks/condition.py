"""Conditions as numbers that a network sees beside its codes, and as loud as they: of variance 1 at first."""

from torch import Tensor, nn


class AttributeEmbedding(nn.Module):
    """Attributes (B, count), from 0 (absent) to 1 (present), to learned numbers (B, size)."""

    def __init__(self, count: int, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(count, size)
        nn.init.normal_(self.linear.weight, std=count**-0.5)
        nn.init.zeros_(self.linear.bias)

    def forward(self, attributes: Tensor) -> Tensor:
        numbers: Tensor = self.linear(2 * attributes.float() - 1)
        return numbers


def embedding(num_classes: int, attributes: int, size: int) -> nn.Module:
    """Labels (B,), int64, to learned numbers (B, size); or, where there are no classes, so many attributes."""
    return nn.Embedding(num_classes, size) if num_classes else AttributeEmbedding(attributes, size)
