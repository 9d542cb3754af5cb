"""The run's figures as a CSV file."""

import csv
from pathlib import Path

from genlab.callbacks import MetricsFile


def read(path="metrics.csv"):
    with Path(path).open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_are_appended_and_new_columns_widen_the_file():
    figures = MetricsFile(Path())
    figures.log_metrics({"epoch": 0, "a": 1.5}, 0)
    figures.save()
    figures.log_metrics({"epoch": 0, "b": 2.5}, 1)
    figures.finalize("success")
    assert read() == [
        {"step": "0", "epoch": "0", "a": "1.5", "b": ""},
        {"step": "1", "epoch": "0", "a": "", "b": "2.5"},
    ]


def test_a_file_that_is_there_is_continued():
    first = MetricsFile(Path())
    first.log_metrics({"epoch": 0, "b": 1.0}, 0)
    first.save()
    second = MetricsFile(Path())
    second.log_metrics({"a": 2.0, "epoch": 1}, 1)
    second.save()
    assert [row["step"] for row in read()] == ["0", "1"]
    assert read()[0]["b"] == "1.0"
    assert read()[1]["a"] == "2.0"


def test_saving_nothing_writes_nothing():
    MetricsFile(Path()).finalize("failed")
    assert not Path("metrics.csv").exists()
