"""The parser of a tool's arguments."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from genlab.errors import GenlabError, suggestion


class ToolParser(argparse.ArgumentParser):
    """A parser that raises GenlabErrors of one line, which suggest the nearest option."""

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
            options = sorted(option for option in self._option_string_actions if option.startswith("--"))
            hint = suggestion(name, options) if name.startswith("-") else f"`{self.prog} --help` lists what it takes"
            raise GenlabError(f"{self.prog} has no argument {name}; {hint}")
        return known

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
