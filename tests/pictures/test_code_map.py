"""Maps of codes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from genlab.errors import GenlabError
from genlab.pictures.code_map import dots, palette, project

codes = torch.randn(60, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor([3.0, 2, 1, 1, 1])


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].get_legend().texts]


def test_principal_components_say_their_share_of_the_variance():
    drawn = project(codes)
    shares = PCA(2).fit(codes.numpy()).explained_variance_ratio_
    first, second = (f"principal component, {100 * share:.0f} % of variance" for share in shares)
    assert drawn.axes == (f"first {first}", f"second {second}")
    axes = drawn.figure().axes[0]
    assert axes.get_xlabel() == drawn.axes[0]
    assert axes.get_aspect() == 1.0


@pytest.mark.parametrize("size", [1, 2])
def test_codes_of_one_or_two_dimensions_stay_as_they_are(size):
    drawn = project(codes[:, :size])
    np.testing.assert_array_equal(drawn.points[:, :size], codes[:, :size])
    assert drawn.axes == ("unit 0", "unit 1" if size == 2 else "")
    assert project(codes[:, :size], "pca").axes[0].startswith("first principal component")


def test_t_sne_is_the_same_for_a_seed_and_its_axes_have_no_numbers():
    one, two = (project(codes, "tsne", seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.points, two.points)
    assert list(one.figure().axes[0].get_xticks()) == []
    assert project(codes[:5], "tsne").points.shape == (5, 2)  # fewer than its default number of neighbours
    with pytest.raises(GenlabError, match="a map of 3 codes by tsne needs 4 or more; give more images"):
        project(codes[:3], "tsne")
    with pytest.raises(GenlabError, match="a map of 1 code by pca needs 2 or more"):
        project(codes[:1])
    for few in (project(codes[:2]), project(codes[:1, :2])):
        few.figure().draw_without_rendering()


def test_a_legend_names_the_classes_that_are_there():
    labels = torch.arange(60) % 3
    figure = project(codes).colored(labels, ["cat", "$dog$", "cow", "none"], "animal").figure()
    assert texts(figure) == ["cat", r"\$dog\$", "cow"]
    figure.draw_without_rendering()
    assert figure.axes[0].get_legend().get_title().get_text() == "animal"
    assert texts(project(codes).colored(labels).figure()) == ["0", "1", "2"]
    assert project(codes).colored(labels).figure(labels=False).axes[0].get_legend() is None


def test_each_dot_has_its_classes_colour():
    labels = torch.arange(60) % 3
    drawn = project(codes[:, :2]).colored(labels)
    dots = drawn.figure().axes[0].collections[0]
    for place, color in zip(dots.get_offsets(), dots.get_facecolors(), strict=True):
        (label,) = labels[(codes[:, :2] == torch.tensor(np.asarray(place))).all(1)].tolist()
        np.testing.assert_allclose(color[:3], palette(3)[label][:3])


def test_a_single_dot_is_drawn_without_a_warning(caplog):
    project(codes[:1, :2]).colored(torch.zeros(1, dtype=torch.int64)).figure().draw_without_rendering()
    assert not caplog.records


def test_a_title_is_broken_before_the_model_not_within_it():
    drawn = replace(project(codes), title="Principal components of the codes of 300 of 500 test images")
    (axes,) = drawn.of("VAE on CelebA, epoch 20").figure().axes
    assert axes.get_title(loc="left").splitlines() == [drawn.title, "VAE on CelebA, epoch 20"]


def test_many_classes_have_a_colour_bar_with_names():
    names = [f"class {i}" for i in range(60)]
    figure = project(codes).colored(torch.arange(60), names, "kind").figure()
    bar = figure.axes[1]
    assert bar.get_ylabel() == "kind"
    assert {text.get_text() for text in bar.get_yticklabels()} <= {*names}
    assert len(bar.get_yticklabels()) == 12


def test_dots_become_smaller_and_fainter_the_more_there_are():
    sizes, opacities = zip(*map(dots, (100, 1000, 10_000, 100_000)), strict=True)
    assert [*sizes] == sorted(sizes, reverse=True)
    assert [*opacities] == sorted(opacities, reverse=True)
    assert min(sizes) >= 3
    assert min(opacities) >= 0.25
    for count in (7, 15, 35):
        assert len(set(palette(count))) == count
