"""Data sets as LightningDataModules; `genlab.types` describes their batches."""

from genlab.data.base import BatchDataModule, DomainDataModule, ImageDataModule, PairDataModule
from genlab.data.celeba import CelebA
from genlab.data.degradations import Degradation, Edges, Greyscale, Half, LowResolution, MaskedCentre
from genlab.data.derived import (
    AttributeDomains,
    ClassDomains,
    DegradedPairs,
    DomainsFromPairs,
    JoinedDomains,
    WithoutClass,
)
from genlab.data.digits import Digits
from genlab.data.domains import FolderDomains
from genlab.data.folders import ImageFolder
from genlab.data.frey import FreyFaces
from genlab.data.identities import IdentityDomains
from genlab.data.mnist import MNIST
from genlab.data.pairs import FolderPairs, SideBySidePairs
from genlab.data.patches import NaturalPatches
from genlab.data.sentences import Sentences

__all__ = [
    "MNIST",
    "AttributeDomains",
    "BatchDataModule",
    "CelebA",
    "ClassDomains",
    "Degradation",
    "DegradedPairs",
    "Digits",
    "DomainDataModule",
    "DomainsFromPairs",
    "Edges",
    "FolderDomains",
    "FolderPairs",
    "FreyFaces",
    "Greyscale",
    "Half",
    "IdentityDomains",
    "ImageDataModule",
    "ImageFolder",
    "JoinedDomains",
    "LowResolution",
    "MaskedCentre",
    "NaturalPatches",
    "PairDataModule",
    "Sentences",
    "SideBySidePairs",
    "WithoutClass",
]
