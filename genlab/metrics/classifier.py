"""Small classifier whose features compare sets of images when no better network is available."""

from collections.abc import Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.networks.conv import ConvEncoder
from genlab.types import Shape

FEATURES = 128


class Classifier(nn.Module):
    """Convolutional classifier of images (B, C, H, W) in [0, 1], with logits (B, outputs).

    Args:
        image_shape: (C, H, W) of the images.
        outputs: number of classes, or of attributes.
    """

    def __init__(self, image_shape: Shape, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(ConvEncoder(image_shape, FEATURES), nn.ReLU())
        self.head = nn.Linear(FEATURES, outputs)
        self.scale: Tensor
        self.register_buffer("scale", torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        return self.of_features(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """Compute the last hidden layer, (B, 128), scaled to a mean variance of 1."""
        hidden: Tensor = self.body(images)
        return hidden / self.scale

    def of_features(self, features: Tensor) -> Tensor:
        """Compute logits from features."""
        logits: Tensor = self.head(features * self.scale)
        return logits

    @torch.enable_grad()
    def learn(self, batches: Iterable[Any]) -> "Classifier":
        """Train on batches with labels (B,), or else with attributes (B, outputs); the last batch sets the scale."""
        optimizer = torch.optim.Adam(self.parameters(), lr=1e-3)
        self.train()
        for batch in batches:
            logits = self(batch["image"])
            if "label" in batch:
                loss = F.cross_entropy(logits, batch["label"])
            else:
                loss = F.binary_cross_entropy_with_logits(logits, batch["attributes"].float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        self.eval()
        with torch.no_grad():
            self.scale = self.body(batch["image"]).var(0).mean().sqrt()
        return self

    @torch.no_grad()
    def accuracy(self, batches: Iterable[Any]) -> float:
        """Compute the share of labels, or of attributes, that are predicted correctly."""
        right = []
        for batch in batches:
            logits = self(batch["image"])
            if "label" in batch:
                right.append(logits.argmax(1) == batch["label"])
            else:
                right.append(((logits > 0) == (batch["attributes"] > 0)).flatten())
        return torch.cat(right).float().mean().item()
