"""The command line: `main` reads the arguments and runs one command. Nothing heavy is imported before that is known."""

from genlab.cli.entry import COMMANDS, TOOL_COMMANDS, TRAINER_COMMANDS, main

__all__ = ["COMMANDS", "TOOL_COMMANDS", "TRAINER_COMMANDS", "main"]
