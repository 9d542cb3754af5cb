"""The tool commands, each a module with a `main(args)` that is imported only when called."""
