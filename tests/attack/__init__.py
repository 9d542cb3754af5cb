"""A bounded attack on genlab with damaged checkpoints and files, odd options and signals: `python -m tests.attack`."""
