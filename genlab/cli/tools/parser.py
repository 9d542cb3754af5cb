"""The parser of a tool's arguments."""

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from genlab.errors import GenlabError, nearest, suggestion


class ToolParser(argparse.ArgumentParser):
    """A parser that raises GenlabErrors of one line, which suggest the nearest option.

    What begins with a minus and a digit is a value: a negative number, or a range such as -2..2.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._negative_number_matcher = re.compile(r"-\.?\d")  # argparse's own takes plain numbers only

    def parse_args(self, args: Sequence[str] | None = None, namespace: None = None) -> argparse.Namespace:  # type: ignore[override]
        """Parse all arguments.

        A tool that takes --data also takes --data.KEY; these arguments are kept unparsed in `data_settings`.

        Raises:
            GenlabError: for an argument that is unknown or invalid.
        """
        rest: list[str] = [*(args or [])]
        settings: list[str] = []
        if "--data" in self._option_string_actions:
            rest, settings = self._split(rest)
        known, unknown = self.parse_known_args(rest, namespace)
        known.data_settings = settings
        for argument in unknown:
            name = argument.partition("=")[0]
            hint = self._hint(name) if name.startswith("-") else f"`{self.prog} --help` lists what it takes"
            raise GenlabError(f"{self.prog} has no argument {name}; {hint}")
        return known

    def _hint(self, name: str) -> str:
        """Suggest the option nearest to an unknown one, a short one with its long name, or list the long ones."""
        actions = self._option_string_actions
        near = nearest(name, actions)
        if near and not near.startswith("--"):
            return f"did you mean {'/'.join(actions[near].option_strings)}?"
        return suggestion(name, sorted(option for option in actions if option.startswith("--")))

    def _split(self, args: list[str]) -> tuple[list[str], list[str]]:
        """Split the arguments into those other than `--data.KEY VALUE` or `--data.KEY=VALUE`, and those."""
        rest, settings = [], []
        following = iter(args)
        for argument in following:
            if not argument.startswith("--data."):
                rest.append(argument)
            elif "=" in argument:
                settings.append(argument)
            else:
                value = next(following, None)
                if value is None:
                    self.error(f"argument {argument}: expected one argument")
                settings.append(f"{argument}={value}")
        return rest, settings

    def error(self, message: str) -> NoReturn:
        """Raise argparse's message as a GenlabError."""
        raise GenlabError(f"{message}; `{self.prog} --help` explains its arguments")
