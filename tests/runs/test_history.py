"""Reading the metrics of runs."""

from pathlib import Path

import numpy as np
import pytest

from genlab.runs.history import History
from tests.run_folders import make_run, write_metrics


def history(text: str) -> History:
    Path("metrics.csv").write_text(text)
    return History(Path())


def test_a_series_has_the_steps_epochs_and_values_of_its_rows():
    found = History(make_run("r"))
    assert found.names == ["train/loss", "val/loss"]
    series = found.series("val/loss")
    assert series.steps.tolist() == [4, 9]
    assert series.epochs.tolist() == [0, 1]
    assert series.values.tolist() == [10, 5]
    assert len(found.series("train/loss").values) == 10
    assert (found.epochs, found.ends_validated) == (2, True)
    assert not found.has("val/kl")
    assert not len(found.series("val/kl").values)


def test_values_that_are_not_finite_and_rows_that_were_cut_short_are_left_out():
    found = history("step,epoch,a\r\n0,0,1.5\r\n1,0,nan\r\n2,0,inf\r\n3,0,what\r\n4,0\r\n5,0,2.5\r\n6,")
    assert found.series("a").steps.tolist() == [0, 5]


@pytest.mark.parametrize(
    "text",
    [
        "step;epoch;a\n0;0;1,5\n1;0;2,5\n",
        '"a","step","epoch"\n"1.5","0","0"\n2.5,1,0\n',
        "step,epoch,a,,\n0,0,1.5,,\n1,0,2.5,,\n",
        '\ufeffstep,epoch,a,remark\n0,0,1.5,"well, well"\n1,0,2.5,\n',
        "step,a\n0,1.5\n1,2.5\n",
    ],
)
def test_files_that_others_have_changed_are_read(text):
    series = history(text).series("a")
    assert series.steps.tolist() == [0, 1]
    assert series.epochs.tolist() == [0, 0]
    assert series.values.tolist() == [1.5, 2.5]


@pytest.mark.parametrize("text", ["", "step", "a,b\n1,2\n", "step,epoch,a", "step,epoch,a\n", "\x00" * 99, "\n\n"])
def test_files_without_figures_have_none(text):
    found = history(text)
    assert (found.epochs, found.ends_validated) == (0, False)
    assert not any(map(found.has, found.names))
    assert found.epochs_at(np.arange(3.0)).tolist() == [0, 0, 0]


def test_steps_become_epochs_also_where_the_last_one_is_cut_short():
    rows = [{"step": step, "epoch": step // 4, "a": 1.0} for step in range(10)]
    Path("r").mkdir()
    write_metrics(Path("r"), rows)
    assert History(Path("r")).epochs_at(np.array([0, 2, 4, 8, 10])).tolist() == [0, 0.5, 1, 2, 2.5]


def test_an_epoch_beyond_all_takes_no_memory():
    found = history("step,epoch,a\n0,0,1\n1,1e15,2\n")
    assert np.isfinite(found.epochs_at(np.array([1.0, 2.0]))).all()
