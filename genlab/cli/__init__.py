"""The command line: `main` reads the arguments and runs one command. Imports nothing heavy before it knows which."""

from genlab.cli.entry import COMMANDS, TOOL_COMMANDS, TRAINER_COMMANDS, main

__all__ = ["COMMANDS", "TOOL_COMMANDS", "TRAINER_COMMANDS", "main"]
