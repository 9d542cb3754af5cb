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


def test_steps_that_are_made_again_are_forgotten_and_so_is_half_a_row():
    first = MetricsFile(Path())
    for step in range(5):
        first.log_metrics({"epoch": 0, "a": float(step)}, step)
    first.save()
    with Path("metrics.csv").open("a") as file:
        file.write("1")
    second = MetricsFile(Path())
    for step in range(3, 6):
        second.log_metrics({"epoch": 1, "a": 10.0 + step}, step)
        second.save()
    assert [row["step"] for row in read()] == ["0", "1", "2", "3", "4", "5"]
    assert [row["a"] for row in read()] == ["0.0", "1.0", "2.0", "13.0", "14.0", "15.0"]
