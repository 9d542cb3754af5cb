"""Metrics as text."""

import json
import math

import pytest

from genlab.tables import aligned, as_json, metrics_table, rounded, with_error


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (-101.23456, 0.4567, "-101.23"),
        (-1787.7, 123.4, "-1788"),
        (0.0123456, 0.000345, "0.01235"),
        (0.5, 0.0, "0.5000"),
        (12345.678, None, "12346"),
        (0.00012346, None, "0.0001235"),
        (1.23456e-7, None, "1.235e-07"),
        (-0.035016, None, "-0.03502"),
        (94.27312, None, "94.27"),
        (math.inf, None, "inf"),
        (0.0, None, "0"),
        (math.nan, None, "nan"),
        (1.0, math.nan, "1"),
    ],
)
def test_a_metric_is_rounded_to_what_it_is_worth(value, error, text):
    assert rounded(value, error) == text


def test_a_standard_error_has_two_digits():
    assert with_error(0.91234, 0.02149) == "0.912 ± 0.021"
    assert with_error(0.91234, None) == "0.9123"


def test_metrics_are_a_table_below_everything_else():
    found = {"model": "VAE", "elbo": -20.123, "images": 3, "elbo_standard_error": 0.5, "bits_per_dim": 0.25}
    assert metrics_table(found).splitlines() == [
        "model: VAE",
        "images: 3",
        "",
        "               value  standard error",
        "elbo          -20.12            0.50",
        "bits per dim  0.2500       not known",
    ]
    assert metrics_table({"model": "VAE"}) == "model: VAE"


def test_columns_are_aligned():
    assert aligned([["", "a"], ["long name", "1.0"]]) == "             a\nlong name  1.0"


def test_what_is_not_finite_is_null_in_json():
    assert json.loads(
        as_json({"high": math.inf, "table": {"a": {"mean": math.nan}}, "value": 0.5, "all": [1, math.nan]})
    ) == {
        "high": None,
        "table": {"a": {"mean": None}},
        "value": 0.5,
        "all": [1, None],
    }
