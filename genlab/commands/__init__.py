"""The tool commands, one file each with a `main(arguments)`; imported only when called."""
