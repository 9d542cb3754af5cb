"""The tool commands, one file each with a `main(args)`; imported only when called."""
