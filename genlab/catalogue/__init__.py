"""What genlab offers, read from its source, and the pages of help about it. Imports nothing heavy."""

from genlab.catalogue.source import PACKAGES, Argument, Entry, find, of_library, public, subclasses

__all__ = ["PACKAGES", "Argument", "Entry", "find", "of_library", "public", "subclasses"]
