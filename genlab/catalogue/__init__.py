"""Catalogue of genlab's classes and functions, read from source, and their help pages. Imports nothing heavy."""

from genlab.catalogue.source import PACKAGES, Argument, Entry, find, of_library, public, subclasses

__all__ = ["PACKAGES", "Argument", "Entry", "find", "of_library", "public", "subclasses"]
