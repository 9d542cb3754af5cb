"""The run's metrics as a CSV file."""

import csv
import os
from pathlib import Path

import pytest

from genlab.loggers import MetricsFile


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


HEADER = "step,epoch,a\r\n"
OWN = HEADER + "0,0,0.5\r\n1,0,1.5\r\n2,0,2.5\r\n"
"""A file as `MetricsFile` writes it."""
REBUILT = ["0.5", "1.5"]
EDITED = {
    "semicolons and decimal commas": (OWN.replace(",", ";").replace(".", ",").encode(), REBUILT),
    "tabs": (OWN.replace(",", "\t").encode(), REBUILT),
    "a byte order mark": (b"\xef\xbb\xbf" + OWN.encode(), REBUILT),
    "steps as floats": (OWN.replace("\r\n1,", "\r\n1.0,").encode(), REBUILT),
    "empty columns": (OWN.replace("\r\n", ",,\r\n").encode(), REBUILT),
    "a column of another's name": (OWN.replace("epoch", "step").encode(), []),
    "no steps": (OWN.replace("step", "when").encode(), []),
    "a row that is too long": (OWN.replace("1.5", "1.5,great").encode(), ["0.5"]),
    "a row that is too short": (OWN.replace("1,0,1.5", "1").encode(), ["0.5"]),
    "a remark": (OWN.replace("1,0", "see below,0").encode(), ["0.5"]),
    "Latin-1": (OWN.replace("\r\n1,", "\r\nß,0,9\r\n1,").encode("latin-1"), REBUILT),
    "UTF-16": (OWN.encode("utf-16"), []),
    "NULs": (OWN.replace("\r\n1,", "\r\n\0,0,9\r\n1,").encode(), REBUILT),
    "a huge field": (OWN.replace("\r\n1,", f'\r\n"{"x" * 200_000}",0,9\r\n1,').encode(), REBUILT),
    "binary junk": (bytes(range(256)) * 50, []),
}


@pytest.mark.parametrize("edit", EDITED)
def test_a_file_that_others_have_changed_is_kept_and_what_can_be_read_of_it_is_continued(edit):
    content, rebuilt = EDITED[edit]
    Path("metrics.csv").write_bytes(content)
    Path("metrics-kept-1.csv").write_text("from before")
    figures = MetricsFile(Path())
    figures.log_metrics({"epoch": 1, "a": 12.0}, 2)
    with pytest.warns(UserWarning, match="^metrics.csv has been changed .*: it is kept as metrics-kept-2.csv.*$"):
        figures.save()
    figures.log_metrics({"epoch": 1, "a": 13.0}, 3)
    figures.save()  # without a warning
    assert [row["a"] for row in read()] == [*rebuilt, "12.0", "13.0"]
    assert all(int(row["step"]) >= 0 for row in read())
    assert Path("metrics-kept-2.csv").read_bytes() == content
    assert Path("metrics-kept-1.csv").read_text() == "from before"


@pytest.mark.parametrize(
    "content",
    [
        OWN.replace("\r\n", "\n"),
        OWN.replace("\r\n1,", "\r\n\r\n,,\r\n1,"),
        OWN.replace("step,epoch,a", "step,a,epoch").replace(",0,", ",").replace("5\r", "5,0\r"),
        OWN + "3,",
    ],
    ids=["other line ends", "empty lines", "columns in another order", "cut short by a crash"],
)
def test_what_loses_nothing_is_continued_in_silence(content, recwarn):
    Path("metrics.csv").write_text(content)
    figures = MetricsFile(Path())
    figures.log_metrics({"epoch": 1, "a": 12.0}, 2)
    figures.save()
    assert [row["a"] for row in read()] == ["0.5", "1.5", "12.0"]
    assert {row["epoch"] for row in read()} == {"0", "1"}
    assert not recwarn.list
    assert [path.name for path in Path().iterdir()] == ["metrics.csv"]


def test_rows_that_are_lost_without_a_trace_are_told():
    Path("metrics.csv").write_text("step,epoch,a\n0,0,1.0\n1,0,2.0\n")
    figures = MetricsFile(Path())
    figures.log_metrics({"epoch": 1, "a": 3.0}, 6)
    with pytest.warns(UserWarning, match=r"^metrics.csv has lost its rows from step 2 on; training resumes at step 6$"):
        figures.save()
    assert [row["step"] for row in read()] == ["0", "1", "6"]


def test_a_model_that_logs_every_fiftieth_step_loses_nothing(recwarn):
    Path("metrics.csv").write_text("step,epoch,a\n49,0,1.0\n")
    figures = MetricsFile(Path())
    figures.log_metrics({"epoch": 1, "a": 3.0}, 99)
    figures.save()
    assert not recwarn


@pytest.mark.parametrize("missing", ["a", "epoch"])
def test_a_column_that_is_missing_is_back(missing):
    columns = [column for column in ("step", "epoch", "a") if column != missing]
    Path("metrics.csv").write_text(f"{','.join(columns)}\n0,7\n")
    figures = MetricsFile(Path())
    figures.log_metrics({"epoch": 1, "a": 12.0}, 2)
    figures.save()
    assert [row[missing] for row in read()] == ["", "1" if missing == "epoch" else "12.0"]


def test_an_empty_file_is_begun():
    Path("metrics.csv").touch()
    figures = MetricsFile(Path())
    figures.log_metrics({"epoch": 1, "a": 12.0}, 2)
    figures.save()
    assert read() == [{"step": "2", "epoch": "1", "a": "12.0"}]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)])
def test_what_is_no_file_is_moved_out_of_the_way(make):
    make(Path("metrics.csv"))
    figures = MetricsFile(Path())
    figures.log_metrics({"epoch": 1, "a": 12.0}, 2)
    with pytest.warns(UserWarning, match="it is not a file.: it is kept as metrics-kept-1.csv, a new one begins"):
        figures.save()
    assert read() == [{"step": "2", "epoch": "1", "a": "12.0"}]


def test_a_file_that_is_changed_while_training_goes_on_is_read_again():
    figures = MetricsFile(Path())
    figures.log_metrics({"epoch": 0, "a": 1.5}, 0)
    figures.save()
    Path("metrics.csv").write_text("a;epoch;step\n1,25;0;0\n")
    figures.log_metrics({"epoch": 0, "a": 2.5}, 0)
    with pytest.warns(UserWarning, match="delimiter ';'"):
        figures.save()
    assert read() == [{"step": "0", "epoch": "0", "a": "1.25"}, {"step": "0", "epoch": "0", "a": "2.5"}]
