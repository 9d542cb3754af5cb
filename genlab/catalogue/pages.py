"""Help pages for models, data sets, networks, losses and schedules. Imports nothing heavy."""

import ast
import re
import shutil
from collections.abc import Iterable, Iterator
from textwrap import fill, shorten, wrap

from genlab.catalogue import source as catalogue
from genlab.catalogue.groups import GROUPS, Group, choices, data_groups, model_groups, settable
from genlab.catalogue.source import Argument, Entry
from genlab.configs import shipped_configs
from genlab.facts import FACTS

WIDEST = 110
"""Maximum number of columns on a page."""
TERMS = {
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "str": "text",
    "None": "null",
    "nn.Module": "module",
    "Any": "value",
    "ReconstructionError": "loss",
    "Interval": "step or epoch",
}
"""Types in words."""


def listing(command: str) -> str:
    """Format a listing, such as that of `genlab models`: each name with a one-line description."""
    groups = GROUPS[command]()
    indent = max(len(name) for group in groups for name in group.names) + 4
    lines = []
    for group in groups:
        lines += ["", f"{group.title}:"]
        for name in group.names:
            entry = catalogue.find(name)
            lines.append(f"  {name:{indent - 2}}{_line(entry, columns() - indent)}")
    return "\n".join([*lines[1:], "", f"`genlab {command} NAME` shows the arguments of one, and which configs use it."])


def page(entry: Entry) -> str:
    """Format the page of a class: its summary, arguments, the configs that use it, and an example."""
    where = _place(entry)
    parts = [fill(f"{entry.name}: {entry.summary}", columns())]
    parts += [_paragraph(text) for text in entry.details.split("\n\n") if text]
    arguments = settable(entry)
    if arguments:
        parts.append(
            "\n".join([f"arguments, as --{where}.NAME VALUE or in a config under init_args:", *_table(arguments)])
        )
    facts = [argument.name for argument in entry.arguments if argument.name in FACTS]
    if facts and where == "model":
        parts.append(fill(f"from the data: {', '.join(facts)}", columns()))
    used = configs_with(entry.name)
    if used:
        parts.append(fill(f"configs: {', '.join(used)}", columns(), subsequent_indent="         "))
    shown = example(entry)
    return "\n\n".join([*parts, f"example: {shown}"] if shown else parts)


def choices_page(key: str, argument: Argument, group: Group) -> str:
    """Format the page of an argument such as model.encoder: what can be given for it."""
    indent = max(map(len, group.names)) + 4
    width = columns() - indent
    return "\n".join(
        [
            fill(f"{key}: {argument.meaning}", columns()),
            "",
            *(f"  {name:{indent - 2}}{_line(catalogue.find(name), width)}" for name in group.names),
            "",
            f"or {group.or_any}. `--{key}.help NAME` shows the arguments of one; default {_default(argument)}",
        ]
    )


def configs_with(name: str) -> list[str]:
    """List the shipped configs that name a class."""
    named = re.compile(rf"^[^#\n]*\b{name}\b", re.MULTILINE)
    return [
        config for config, path in shipped_configs().items() if "/" not in config and named.search(path.read_text())
    ]


def example(entry: Entry) -> str | None:
    """Build an example command that uses a class and sets one of its arguments; None if only a config can use it."""
    where = _place(entry)
    used = configs_with(entry.name)
    chosen = [name for name in used if re.search(rf"^{where}:\n +class_path: {entry.name}$", _text(name), re.MULTILINE)]
    if chosen or where.endswith("layers"):
        command = f"genlab fit --config {_smallest(chosen or used)}"
        required = []
    elif where == "data":
        command = f"genlab fit --model VAE --data {entry.name}"
        required = entry.required
    else:
        user = "Pix2Pix" if where == "data.degradation" else _user_of(entry.name)[0]
        named = f"genlab.losses.{entry.name}" if entry.is_function else entry.name
        command = f"genlab fit --config {_smallest(configs_with(user))} --{where} {named}"
        required = [argument.name for argument in settable(entry) if argument.default is None]
    for argument in settable(entry):
        if argument.name in required:
            given = _example_value(argument)
            if given is None:
                return None
            command += f" --{where}.{argument.name} {given}"
    changed = next((argument for argument in settable(entry) if (argument.default or "").strip("0").isdecimal()), None)
    if changed and not required and not where.endswith("layers"):
        command += f" --{where}.{changed.name} {2 * int(changed.default or 0)}"
    return command


def _example_value(argument: Argument) -> str | None:
    """Find an example value for an argument without a default, if one word is enough."""
    group = choices(argument)
    if group:
        return "Digits" if "Digits" in group.names else group.names[0]
    return {"str": argument.name.upper(), "int": "3", "float": "1.0"}.get(argument.annotation)


def columns() -> int:
    """Return the number of columns on a page."""
    return min(shutil.get_terminal_size((100, 24)).columns, WIDEST)


def words(annotation: str) -> str:
    """Express a type in words: "number or null" for `float | None`."""
    return _words(ast.parse(annotation, mode="eval").body) if annotation else "value"


def value(default: str) -> str:
    """Format a default value as in YAML."""
    try:
        found = ast.literal_eval(default)
    except ValueError:
        return re.sub(r"^nn\.", "torch.nn.", default)
    if found is None or isinstance(found, bool):
        return {None: "null", True: "true", False: "false"}[found]
    return str([*found]) if isinstance(found, tuple) else str(found)


def _words(node: ast.expr) -> str:
    if isinstance(node, ast.BinOp):
        return " or ".join(dict.fromkeys((_words(node.left), _words(node.right))))
    if isinstance(node, ast.Subscript):
        kind = ast.unparse(node.slice)
        name = ast.unparse(node.value)
        if name == "Literal":
            return " or ".join(kind.strip("()").replace("'", "").split(", "))
        if name == "Callable":
            return _words(node.slice.elts[1]) if isinstance(node.slice, ast.Tuple) else "function"
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return f"list of {_words(parts[0])}s".replace("sss", "sses")
    name = ast.unparse(node)
    return TERMS.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", re.sub("Factory$|Module$", "", name)).lower()


def _table(arguments: Iterable[Argument]) -> Iterator[str]:
    indent = 2 + max(len(argument.name) for argument in arguments) + 2
    for argument in arguments:
        group = choices(argument)
        about = [words(argument.annotation), f"default {_default(argument)}" if argument.default else "required"]
        text = f"{argument.meaning} ({'; '.join(about)})".strip()
        if group:
            text += f" Choices: {', '.join(group.names)}, or {group.or_any}."
        first, *rest = wrap(text, columns() - indent, break_on_hyphens=False)
        yield f"  {argument.name:{indent - 2}}{first}"
        yield from (" " * indent + line for line in rest)


def _default(argument: Argument) -> str:
    return value(argument.default) if argument.default else "none"


def _paragraph(text: str) -> str:
    if re.search(r"^(\d+\.|- |    )", text, re.MULTILINE):  # a list or code
        return text
    return fill(" ".join(text.split()), columns(), break_on_hyphens=False)


def _line(entry: Entry | None, width: int) -> str:
    """Shorten the first sentence about a class to the clauses that fit on the line."""
    sentence = re.split(r"(?<=[.:]) (?=[A-Z])", entry.summary)[0].rstrip(".:;") if entry else ""
    ends = [match.start() for match in re.finditer(r"[,;:] | \(|$", sentence)]
    fitting = [end for end in ends if end <= width and sentence.count("(", 0, end) == sentence.count(")", 0, end)]
    return sentence[: max(fitting)] if fitting else shorten(sentence, width, placeholder=" ...")


def _place(entry: Entry) -> str:
    """Return the key that takes a class, such as data or model.encoder."""
    if any(entry.name in group.names for group in model_groups()):
        return "model"
    *datasets, degradations = data_groups()
    if any(entry.name in group.names for group in datasets):
        return "data"
    return "data.degradation" if entry.name in degradations.names else f"model.{_user_of(entry.name)[1]}"


def _user_of(name: str) -> tuple[str, str]:
    """Find a model and its argument that takes a class, preferably by default."""
    found = [
        (argument.default != name, len(model), model, argument.name)
        for model in model_groups()[0].names
        for argument in getattr(catalogue.find(model), "arguments", ())
        if name in getattr(choices(argument), "names", ())
    ]
    *_, model, argument = min(found)
    return model, argument


def _text(config: str) -> str:
    return shipped_configs()[config].read_text(encoding="utf-8")


def _smallest(configs: list[str]) -> str:
    """Choose a config that needs no download if there is one, else the first."""
    return next((name for name in configs if name.endswith(("_digits.yaml", "_tiny.yaml"))), configs[0])
