"""Classes and functions of genlab with their arguments, read from source, for help and suggestions.

Importing them would take seconds, most of that for torch; reading the source takes a moment.
"""

import ast
import functools
import importlib.util
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
PACKAGES = ("models", "data", "networks", "losses", "schedules")
"""Packages and modules whose classes and functions can be found by name."""
SECTION = re.compile(r"^(?:Args|Returns|Yields|Raises|Example):$", re.MULTILINE)
"""Heading of a section in a Google-style docstring."""
ARGUMENT = re.compile(r"^    (\w+): ", re.MULTILINE)
"""Start of an argument's description in a Google-style docstring, without the indentation of the class."""


@dataclass(frozen=True)
class Argument:
    """Argument of a class or function, as in its source."""

    name: str
    annotation: str
    """Source of the type, such as `float | None`."""
    default: str | None
    """Source of the default, such as `MLPEncoder` or `0.1`; None without one."""
    meaning: str
    """Description in the docstring."""


@dataclass(frozen=True)
class Entry:
    """Class or function in the catalogue."""

    name: str
    summary: str
    """First paragraph of the docstring."""
    details: str
    """Paragraphs of the docstring between the first one and the sections."""
    arguments: tuple[Argument, ...]
    bases: tuple[str, ...]
    """Names of all classes that it inherits from, directly or indirectly."""
    is_base: bool
    """Whether it is abstract."""
    is_function: bool
    file: Path

    @property
    def required(self) -> list[str]:
        """Names of the arguments without a default."""
        return [argument.name for argument in self.arguments if argument.default is None]


@functools.cache
def public(package: str) -> dict[str, Entry]:
    """Return the public classes and functions of a package in genlab, such as "models", by name."""
    entries = _entries(package)
    return {name: entries[name] for name in sorted(_exported(package), key=str.lower) if name in entries}


def subclasses(package: str, base: str) -> dict[str, Entry]:
    """Return the public classes of a package that inherit from a class and are not abstract."""
    return {name: entry for name, entry in public(package).items() if base in entry.bases and not entry.is_base}


def find(name: str) -> Entry | None:
    """Find the public class or function with a name such as `VAE`, `genlab.VAE` or `genlab.models.vae.VAE`."""
    path, _, short = name.rpartition(".")
    if path and path.partition(".")[0] != "genlab":
        return None
    return next((public(package)[short] for package in PACKAGES if short in public(package)), None)


def of_library(module: str, name: str) -> Entry | None:
    """Find a class in another package without importing it; None if its source is missing."""
    top, *rest = module.split(".")
    spec = importlib.util.find_spec(top)
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder, *rest).with_suffix(".py")
        if path.is_file():
            return next((entry for entry in _of_file(path) if entry.name == name), None)
    return None


@functools.cache
def _entries(package: str) -> dict[str, Entry]:
    """Return all classes and functions of a package, with inherited constructors and the names of all bases."""
    module = PACKAGE / f"{package}.py"
    files = [module] if module.is_file() else sorted((PACKAGE / package).rglob("*.py"))
    own = {entry.name: entry for path in files for entry in _of_file(path)}
    return {name: _completed(entry, own) for name, entry in own.items()}


def _completed(entry: Entry, known: dict[str, Entry]) -> Entry:
    """Add what an entry inherits: a constructor, descriptions of its arguments, and the names of all bases."""
    bases, arguments = [], entry.arguments
    waiting = list(entry.bases)
    while waiting:
        base = waiting.pop(0)
        if base in bases or base == entry.name:  # a class of torch with the same name
            continue
        bases.append(base)
        if base in known:
            above = {argument.name: argument.meaning for argument in known[base].arguments}
            arguments = arguments or known[base].arguments
            arguments = tuple(replace(a, meaning=a.meaning or above.get(a.name, "")) for a in arguments)
            waiting += known[base].bases
    return replace(entry, bases=tuple(bases), arguments=arguments)


@functools.cache
def _exported(package: str) -> set[str]:
    """Return the names that a package's `__init__` imports, or all names in a single module."""
    if (PACKAGE / f"{package}.py").is_file():
        return {*_entries(package)}
    stub = PACKAGE / package / "__init__.pyi"
    body = _parsed(stub if stub.exists() else stub.with_suffix(".py")).body
    return {alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _of_file(path: Path) -> Iterator[Entry]:
    for node in _parsed(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield _entry(node, path)


def _entry(node: ast.ClassDef | ast.FunctionDef, path: Path) -> Entry:
    text = ast.get_docstring(node) or ""
    summary, _, details = SECTION.split(text, 1)[0].strip().partition("\n\n")
    meanings = _meanings(text.partition("\nArgs:\n")[2])
    arguments, bases, is_base = _of_class(node) if isinstance(node, ast.ClassDef) else (_parameters(node), (), False)
    return Entry(
        name=node.name,
        summary=" ".join(summary.split()),
        details=details.strip(),
        arguments=tuple(Argument(*argument, meanings.get(argument[0], "")) for argument in arguments),
        bases=bases,
        is_base=is_base,
        is_function=isinstance(node, ast.FunctionDef),
        file=path,
    )


Parameter = tuple[str, str, str | None]
"""Name, annotation and default of an argument."""


def _of_class(node: ast.ClassDef) -> tuple[list[Parameter], tuple[str, ...], bool]:
    methods = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
    bases = tuple(ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases)
    abstract = any("abstractmethod" in map(ast.unparse, method.decorator_list) for method in methods.values())
    if any("dataclass" in ast.unparse(decorator) for decorator in node.decorator_list):
        fields = (item for item in node.body if isinstance(item, ast.AnnAssign))
        parameters = [
            (
                ast.unparse(field.target),
                ast.unparse(field.annotation),
                ast.unparse(field.value) if field.value else None,
            )
            for field in fields
        ]
    else:
        parameters = _parameters(methods["__init__"])[1:] if "__init__" in methods else []
    return parameters, bases, abstract or "Protocol" in bases


def _parameters(function: ast.FunctionDef) -> list[Parameter]:
    """Return the arguments of a function, including `self`."""
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    arguments = [*positional, *given.kwonlyargs]
    required = [None] * (len(positional) - len(given.defaults))
    defaults = [*required, *given.defaults, *given.kw_defaults]
    return [
        (
            argument.arg,
            ast.unparse(argument.annotation) if argument.annotation else "",
            ast.unparse(default) if default else None,
        )
        for argument, default in zip(arguments, defaults, strict=True)
    ]


def _meanings(text: str) -> dict[str, str]:
    """Parse the descriptions of arguments in the lines below `Args:`."""
    section = re.split(r"^(?=\S)", text, maxsplit=1, flags=re.MULTILINE)[0]  # up to the next section, such as Raises
    _, *parts = ARGUMENT.split(section)
    return {name: " ".join(meaning.split()) for name, meaning in zip(parts[::2], parts[1::2], strict=True)}
