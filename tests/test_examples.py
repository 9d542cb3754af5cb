"""The programs in examples/ run, for a few steps each, and write the pictures that they name."""

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

EXAMPLES = Path(__file__).parents[1] / "examples"
PROGRAMS = sorted(path.name for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_example_draws_the_pictures_that_it_names(program, working_folder, monkeypatch, capsys):
    few = ["--epochs", "1"] if "--epochs" in (EXAMPLES / program).read_text() else []
    monkeypatch.setattr(sys, "argv", [program, *few])
    monkeypatch.setenv("PL_TRAINER_LIMIT_TRAIN_BATCHES", "3")  # Lightning's defaults, where a program sets no limit
    monkeypatch.setenv("PL_TRAINER_MAX_STEPS", "9")
    runpy.run_path(str(EXAMPLES / program), run_name="__main__")
    printed = capsys.readouterr().out
    pictures = [*working_folder.glob("*.png")]
    assert pictures
    assert {line for line in printed.splitlines() if line.endswith(".png")} <= {picture.name for picture in pictures}
    for picture in pictures:
        assert np.asarray(Image.open(picture)).std() > 5


def test_expectation_maximisation_is_scikit_learns_and_never_makes_the_likelihood_worse():
    em = runpy.run_path(str(EXAMPLES / "gmm_em.py"))
    torch.manual_seed(0)
    x = torch.cat([torch.randn(60, 2) + 3, torch.randn(40, 2) * 0.5]).double()
    begin = em["GaussianMixture"](torch.tensor([0.3, 0.7]).double(), x[[0, -1]], torch.eye(2).expand(2, 2, 2).double())
    path = [*em["expectation_maximisation"](begin, x, 7)]
    theirs = GaussianMixture(
        2,
        max_iter=7,
        tol=0,
        reg_covar=0,
        weights_init=[0.3, 0.7],
        means_init=x[[0, -1]],
        precisions_init=[np.eye(2)] * 2,
    )
    with pytest.warns(ConvergenceWarning):
        theirs.fit(x)
    ours, shares, _ = path[-1]
    np.testing.assert_allclose(ours.means, theirs.means_)
    np.testing.assert_allclose(ours.covariances, theirs.covariances_)
    np.testing.assert_allclose(shares, theirs.predict_proba(x))
    black_and_white = torch.rand(50, 6).bernoulli()
    begin = em["BernoulliMixture"].fitted(black_and_white, torch.rand(50, 3).softmax(1))
    for steps in (path, [*em["expectation_maximisation"](begin, black_and_white, 20)]):
        likelihoods = [likelihood for *_, likelihood in steps]
        assert likelihoods == sorted(likelihoods)
        assert likelihoods[-1] > likelihoods[0]


def test_the_tours_page_is_the_tour():
    """`make tour` renders it."""
    page = ""
    for cell in (EXAMPLES / "tour.py").read_text(encoding="utf-8").split("# %%")[1:]:
        text = re.sub("^# ?", "", cell.removeprefix(" [markdown]\n"), flags=re.MULTILINE).strip()
        page += f"{text}\n\n" if cell.startswith(" [markdown]") else f"```python\n{cell.strip()}\n```\n\n"
    assert (EXAMPLES.parent / "docs" / "tour.md").read_text(encoding="utf-8").strip() == page.strip()
