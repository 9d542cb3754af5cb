"""YAML is read as it looks, or not at all."""

import pytest
import yaml

from genlab.configs import shipped_configs
from genlab.errors import GenlabError
from genlab.parsing.safe_yaml import load, require_sane


def laughs(levels: int) -> str:
    """Return nested lists, each a list of ten of the previous one."""
    lines = ["a0: &a0 [" + ", ".join("0" * 10) + "]"]
    lines += [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, levels)]
    return "\n".join(lines)


def test_shipped_configs_are_read_as_yaml_reads_them():
    for path in shipped_configs().values():
        if path.suffix == ".yaml":
            assert load(path.read_text()) == yaml.safe_load(path.read_text())


def test_aliases_may_stand_for_some_values_but_not_for_billions():
    assert load(laughs(4))["a3"][9][9][9] == [0] * 10
    with pytest.raises(GenlabError, match="expands to more than 100,000 values"):
        require_sane(laughs(9))


@pytest.mark.parametrize(
    "text",
    ["[" * 60 + "]" * 60, "[" * 400 + "]" * 400, "a: &a [*a]", "a: &a {b: *a}"],
    ids=["deep", "deeper", "a list of itself", "a mapping of itself"],
)
def test_values_deep_within_one_another_are_refused(text):
    with pytest.raises(GenlabError, match="more than 50 deep"):
        load(text)


def test_a_key_that_is_there_twice_is_refused_with_its_lines():
    with pytest.raises(GenlabError, match="has lr twice, in lines 2 and 4"):
        load("a:\n  lr: 1\n  b: 2\n  lr: 3\n")
    assert load("a: &a {lr: 1}\nb: {<<: *a, lr: 2}\nc: {a: 1}") == {"a": {"lr": 1}, "b": {"lr": 2}, "c": {"a": 1}}


def test_what_is_no_yaml_stays_a_yaml_error():
    with pytest.raises(yaml.YAMLError):
        load("a: b: [")
