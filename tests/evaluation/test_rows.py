"""Metrics with their standard errors, units and stamps."""

import numpy as np
import pytest
import torch

from genlab.evaluation.rows import Row, as_dict, averages, rows_of


def test_means_have_the_standard_error_of_independent_images():
    values = torch.randn(100, generator=torch.Generator().manual_seed(0))
    (row,) = averages({"psnr": values.split(33)}, {"images": 100})
    assert row.value == pytest.approx(values.mean().item())
    assert row.error == pytest.approx(np.std(values.numpy(), ddof=1) / 10)
    assert (row.unit, row.stamp) == ("dB", {"images": 100})


def test_one_image_tells_no_error():
    (row,) = averages({"l1": [torch.ones(1)]}, {})
    assert row == Row("l1", 1.0)
    assert as_dict([row]) == {"l1": 1.0}


def test_rows_are_written_with_their_stamps_and_errors():
    found = rows_of({"fid": 2.0, "kid": 3.0, "kid_standard_error": 0.5}, {"extractor": "a network"}, "_untranslated")
    rows = [row.renamed(prefix="a_to_b_") for row in found]
    assert as_dict(rows) == {
        "a_to_b_extractor": "a network",
        "a_to_b_fid_untranslated": 2.0,
        "a_to_b_kid_untranslated": 3.0,
        "a_to_b_kid_untranslated_standard_error": 0.5,
    }
