"""Base classes of families, and methods, checks and caches that several of them use."""
