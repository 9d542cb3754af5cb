"""Arguments of a class that is given in place of another, such as `--model.decoder=ConvDecoder` for a GAN's decoder.

jsonargparse passes on all arguments that both classes have, even defaults that nobody gave. Here only what was given is
passed on, so that a class has its own defaults, as in Python.
"""

from typing import Any, cast

from jsonargparse import _typehints, dict_to_namespace

_discard_unknown: Any = _typehints.discard_init_args_on_class_path_change


def discard_defaults() -> None:
    """Let jsonargparse discard the replaced class's defaults."""
    _typehints.discard_init_args_on_class_path_change = _discard_unknown_and_defaults


def _discard_unknown_and_defaults(place: Any, replaced: Any, new: Any) -> None:
    if replaced and replaced.get("init_args") and replaced["class_path"] != new["class_path"]:
        defaults = _defaults(replaced["class_path"])
        for name, value in dict_to_namespace(replaced["init_args"]).as_dict().items():
            if name in defaults and _is_default(value, defaults[name]):
                replaced["init_args"].pop(name)
    _discard_unknown(place, replaced, new)


def _defaults(path: str) -> dict[str, Any]:
    """Return the default arguments of a class."""
    parser = _typehints.ActionTypeHint.get_class_parser(path)  # type: ignore[no-untyped-call]
    return cast(dict[str, Any], parser.get_defaults().as_dict())


def _is_default(value: Any, default: Any) -> bool:
    """Tell whether an argument has its default, which may be a class without its own defaults."""
    if not (isinstance(value, dict) and isinstance(default, dict) and "class_path" in value):
        return bool(value == default)
    defaults = _defaults(value["class_path"]) | default.get("init_args", {})
    return value["class_path"] == default.get("class_path") and all(
        name in defaults and _is_default(given, defaults[name]) for name, given in value.get("init_args", {}).items()
    )
