"""What families share: base classes, and methods, checks and caches that several of them use."""
