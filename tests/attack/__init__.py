"""A bounded attack on genlab by damaged checkpoints and files, odd options and signals: `python -m tests.attack`."""
