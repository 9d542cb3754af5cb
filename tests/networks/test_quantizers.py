"""Quantizers: gradients by hand, moving averages against k-means, dead codes that stay alive, FSQ's round trips."""

import math
from pathlib import Path

import pytest
import torch
from sklearn.cluster import KMeans

import genlab
from genlab.networks import FSQ, EMACodebook, GradientCodebook
from genlab.networks.codebooks import REVIVAL_EVERY, smoothed
from tests.processes import run_script

BOOKS = [EMACodebook, GradientCodebook]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def with_book(kind, book, **options):
    """Return a codebook of given vectors (codes, code_size), in evaluation mode."""
    codebook = kind(book.shape[1], len(book), kmeans_start=False, **options).eval()
    codebook.place(book, torch.ones(len(book)), torch.ones(len(book), dtype=torch.bool))
    return codebook


@pytest.mark.parametrize("kind", BOOKS)
def test_each_vector_becomes_the_nearest_code_exactly(kind):
    book, z = torch.randn(7, 3), torch.randn(5, 3, 4, 2)
    codebook = with_book(kind, book)
    found = codebook(z)
    away = (z.movedim(1, -1)[..., None, :] - book).square().sum(-1)
    assert torch.equal(found.indices, away.argmin(-1))
    assert torch.equal(found.vectors, book[found.indices].movedim(-1, 1))
    assert torch.equal(codebook.vectors(found.indices), found.vectors)


@pytest.mark.parametrize("kind", [*BOOKS, lambda size: FSQ(size, (3, 4))])
def test_any_number_of_dimensions_is_quantized(kind):
    quantizer = kind(6).eval()
    for sides in ((), (5,), (3, 4, 2)):
        found = quantizer(torch.randn(2, 6, *sides))
        assert (found.vectors.shape, found.indices.shape, found.loss.shape) == ((2, 6, *sides), (2, *sides), (2,))


def test_gradients_pass_straight_through_to_what_was_quantized():
    book = torch.tensor([[0.0, 0.0], [1.0, 2.0]])
    codebook = with_book(EMACodebook, book, commitment=0.5)
    z = torch.tensor([[0.9, 1.7], [0.2, -0.1]], requires_grad=True)
    found = codebook(z)
    weights = torch.tensor([[3.0, -2.0], [5.0, 7.0]])
    (found.vectors * weights).sum().backward()
    assert torch.equal(z.grad, weights)
    z.grad = None
    codebook(z).loss.sum().backward()
    torch.testing.assert_close(z.grad, 2 * 0.5 * (z.detach() - book[[1, 0]]))  # d/dz of 0.5 |z - e|^2


def test_codes_follow_their_vectors_by_gradient_and_encoders_their_codes():
    book = torch.tensor([[0.0, 0.0], [1.0, 2.0]])
    codebook = with_book(GradientCodebook, book, commitment=0.25)
    z = torch.tensor([[0.9, 1.7], [0.8, 1.9]], requires_grad=True)
    found = codebook(z)
    (found.loss.sum() + found.vectors.sum()).backward()
    away = z.detach() - book[1]
    torch.testing.assert_close(found.loss.detach(), 1.25 * away.square().sum(1))
    torch.testing.assert_close(codebook.weight.grad, torch.stack([torch.zeros(2), -2 * away.sum(0)]))
    torch.testing.assert_close(z.grad, 2 * 0.25 * away + 1)


def test_a_codebook_of_averages_has_no_parameters():
    assert not [*EMACodebook(4, 8).parameters()]


def test_a_step_without_memory_is_a_step_of_k_means():
    z, book = torch.randn(500, 2), torch.randn(6, 2)
    codebook = with_book(EMACodebook, book, decay=0.0, revive_below=0.0).train()
    codebook(z)
    truth = KMeans(6, init=book.numpy(), n_init=1, max_iter=1, algorithm="lloyd").fit(z.numpy())
    torch.testing.assert_close(codebook.book, torch.from_numpy(truth.cluster_centers_), rtol=1e-4, atol=1e-4)


def test_moving_averages_are_those_of_the_paper():
    codebook = EMACodebook(2, 3, decay=0.9, kmeans_start=False, revive_below=0.0).train()
    book, counts, sums = codebook.book.clone(), torch.ones(3), codebook.book.clone()
    for _ in range(4):
        z = torch.randn(8, 2)
        nearest = torch.cdist(z, book).argmin(1)
        for code in range(3):
            mine = z[nearest == code]
            counts[code] = 0.9 * counts[code] + 0.1 * len(mine)
            sums[code] = 0.9 * sums[code] + 0.1 * mine.sum(0)
        book = sums / ((counts + 1e-5) / (counts.sum() + 3e-5) * counts.sum())[:, None]
        codebook(z)
        torch.testing.assert_close(codebook.book, book)
        torch.testing.assert_close(codebook.counts, counts)


def test_smoothing_keeps_the_sum_and_leaves_no_zero():
    counts = torch.tensor([0.0, 3.0, 5.0])
    torch.testing.assert_close(smoothed(counts).sum(), counts.sum())
    assert smoothed(counts)[0] > 0


@pytest.mark.parametrize("kind", BOOKS)
def test_evaluation_changes_nothing(kind):
    codebook = kind(3, 5).eval()
    before = {name: value.clone() for name, value in codebook.state_dict().items()}
    codebook(torch.randn(64, 3))
    assert all(torch.equal(value, before[name]) for name, value in codebook.state_dict().items())


@pytest.mark.parametrize("kind", BOOKS)
def test_the_first_batch_sets_the_codes_to_the_centres_of_its_clusters(kind):
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [50.0, 50.0]])
    z = (centres.repeat(100, 1) + 0.01 * torch.randn(400, 2))[torch.randperm(400)]
    codebook = kind(2, 40).train()
    found = codebook(z)
    assert (found.vectors - z).norm(dim=1).max() < 0.05
    with_random_start = kind(2, 40, kmeans_start=False).train()
    assert (with_random_start(z).vectors - z).norm(dim=1).max() > 5


def test_fewer_vectors_than_codes_are_enough_to_start():
    codebook = EMACodebook(2, 64).train()
    z = torch.randn(5, 2)
    torch.testing.assert_close(codebook(z).vectors, z)
    assert codebook.book.isfinite().all()


def two_clusters(count=256):
    """Return vectors, half of which are far from all codes except one, at the origin."""
    z = 0.1 * torch.randn(count, 2)
    z[::2] += torch.tensor([30.0, 0.0])
    return z


@pytest.mark.parametrize("kind", BOOKS)
def test_dead_codes_come_back_and_stay(kind):
    book = torch.full((8, 2), 1e3)
    book[0] = 0.0
    codebook = with_book(kind, book).train()
    for _ in range(REVIVAL_EVERY):
        found = codebook(two_clusters())
    assert len(found.indices.unique()) == 1  # 7 of the 8 were dead, and were moved in the end
    assert (codebook.book[1:, 0] < 31).all()
    revived = codebook.book.clone()
    for _ in range(REVIVAL_EVERY - 1):
        assert len(codebook(two_clusters()).indices.unique()) > 4
    assert (codebook.book[1:] - revived[1:]).norm(dim=1).max() < 1  # they do not return to where they died


def test_without_revival_dead_codes_stay_dead():
    book = torch.full((8, 2), 1e3)
    book[0] = 0.0
    codebook = with_book(EMACodebook, book, revive_below=0.0).train()
    for _ in range(2 * REVIVAL_EVERY):
        found = codebook(two_clusters())
    assert len(found.indices.unique()) == 1


def test_vectors_far_from_their_codes_are_likely_to_become_codes():
    book = torch.tensor([[0.0, 0.0], [1e3, 1e3]])
    codebook = with_book(EMACodebook, book).train()
    codebook.recent[0] = 1000.0
    z = torch.zeros(1000, 2)
    z[17] = torch.tensor([3.0, 4.0])
    codebook.revive(z, z.square().sum(1))
    torch.testing.assert_close(codebook.book[1], z[17])


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
@pytest.mark.parametrize("kind", BOOKS)
def test_training_that_has_diverged_is_left_to_the_loss_to_say(kind, value):
    codebook = kind(2, 8, kmeans_start=False).train()
    codebook.batches = REVIVAL_EVERY - 1
    assert not codebook(torch.full((20, 2), value)).loss.isfinite().any()
    assert not codebook.recent.any()


@pytest.mark.parametrize("kind", BOOKS)
@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_distances_are_in_float32_under_autocast(kind, precision):
    book = torch.tensor([[100.0, 0.0], [100.2, 0.0]])  # bfloat16 knows 100 and 100.5
    codebook = with_book(kind, book)
    z = torch.tensor([[100.19, 0.0], [100.01, 0.0]])
    with torch.autocast("cpu", precision):
        found = codebook(z)
    assert found.indices.tolist() == [1, 0]
    assert found.loss.dtype is torch.float32


@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float64])
@pytest.mark.parametrize("kind", [*BOOKS, FSQ])
def test_weights_of_half_and_double_precision_are_taken(kind, precision):
    quantizer = kind(4).to(precision).train()
    z = torch.randn(64, 4, dtype=precision, requires_grad=True)
    found = quantizer(z)
    found.vectors.sum().backward()
    assert found.vectors.dtype is z.grad.dtype is precision


@pytest.mark.parametrize("levels", [(8, 6, 5), (2, 3, 4), (5,), (7, 5, 5)])
def test_every_index_of_fsq_is_the_index_of_its_own_numbers(levels):
    fsq = FSQ(len(levels), levels)
    with torch.no_grad():
        for layer in (fsq.inward, fsq.outward):
            layer.weight.copy_(torch.eye(len(levels)))
            layer.bias.zero_()
    every = torch.arange(fsq.codes)
    assert fsq.codes == torch.tensor(levels).prod()
    numbers = fsq.vectors(every)
    assert len(numbers.unique(dim=0)) == fsq.codes
    assert numbers.abs().max() <= 1
    halves = torch.tensor(levels) // 2
    offsets = torch.tensor([0.5 * (level % 2 == 0) for level in levels])
    half = (torch.tensor(levels) - 1) * 1.001 / 2
    reached = ((numbers * halves + offsets) / half).atanh() - (offsets / half).atanh()  # inverse of `bounded`
    found = fsq(reached)
    assert torch.equal(found.indices, every)
    torch.testing.assert_close(found.vectors, numbers)
    assert not found.loss.any()


def test_fsq_rounds_and_its_gradient_is_that_of_the_squashing():
    fsq = FSQ(1, (5,))
    with torch.no_grad():
        for layer in (fsq.inward, fsq.outward):
            layer.weight.fill_(1.0)
            layer.bias.zero_()
    z = torch.tensor([[0.4]], requires_grad=True)
    found = fsq(z)
    half = 2 * 1.001
    assert found.vectors.item() == round(half * torch.tensor(0.4).tanh().item()) / 2
    found.vectors.sum().backward()
    torch.testing.assert_close(z.grad, half * (1 - torch.tensor([[0.4]]).tanh() ** 2) / 2)


def test_fsq_reaches_all_levels_with_numbers_of_the_size_of_its_inputs():
    fsq = FSQ(2, (8, 5))
    assert len((fsq.bounded(3 * torch.randn(20_000, 2)).round()).unique(dim=0)) == 40
    assert fsq.bounded(torch.zeros(1, 2)).abs().max() < 1e-6
    many = FSQ(1, (2000,))
    torch.nn.init.constant_(many.inward.weight, 1e4)
    assert many(torch.tensor([[-1.0], [1.0]])).indices.tolist() == [0, 1999]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: EMACodebook(4, 0), "codes is 0; it must be from 2 to 65,536"),
        (lambda: GradientCodebook(4, 1), "codes is 1; it must be from 2 to 65,536"),
        (lambda: EMACodebook(0), "code_size is 0"),
        (lambda: EMACodebook(4, decay=1.0), "decay is 1.0"),
        (lambda: EMACodebook(4, commitment=-1), "commitment is -1"),
        (lambda: FSQ(4, ()), "levels is empty; an FSQ needs at least one"),
        (lambda: FSQ(4, (1, 5)), "levels is 1"),
        (lambda: FSQ(4, (300, 300)), "codes is 90000; it must be from 2 to 65,536"),
    ],
)
def test_numbers_out_of_range_are_refused(build, message):
    with pytest.raises(genlab.GenlabError, match=message):
        build()


SCRIPT = """
import os, torch
from pathlib import Path
from torch import distributed
from genlab.networks import EMACodebook, GradientCodebook

rank = int(os.environ["LOCAL_RANK"])
distributed.init_process_group("gloo", init_method=Path("meet").absolute().as_uri(), rank=rank, world_size=2)
torch.manual_seed(rank)  # each draws its own
for kind in (EMACodebook, GradientCodebook):
    mine = kind(3, 12).train()
    for step in range(60):
        everything = torch.randn(40, 3, generator=torch.Generator().manual_seed(step))
        mine(everything[:30] if rank else everything[30:])  # of different lengths, as last batches may be
    torch.save(mine.state_dict(), f"{kind.__name__}-{rank}.pt")
    if kind is EMACodebook:
        torch.manual_seed(0)
        book = kind(3, 12, kmeans_start=False, revive_below=0.0).double().train()
        for step in range(5):
            everything = torch.randn(40, 3, generator=torch.Generator().manual_seed(step)).double()
            book(everything[:30] if rank else everything[30:])
        torch.save(book.state_dict(), f"together-{rank}.pt")
os._exit(0)  # torch 2.6 may wait without end for a thread of the group, which waits for Python
"""


def test_two_processes_share_one_codebook_that_learns_from_the_batches_of_both(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    run_script("script.py", processes=2)

    def saved(name):
        return torch.load(Path(tmp_path, name), weights_only=True)

    for name in ("EMACodebook", "GradientCodebook"):
        first, second = saved(f"{name}-0.pt"), saved(f"{name}-1.pt")
        assert first["_extra_state"] == 60
        assert all(torch.equal(value, second[key]) for key, value in first.items())
    torch.manual_seed(0)
    alone = EMACodebook(3, 12, kmeans_start=False, revive_below=0.0).double().train()
    for step in range(5):
        alone(torch.randn(40, 3, generator=torch.Generator().manual_seed(step)).double())
    for key, value in saved("together-0.pt").items():
        torch.testing.assert_close(value, alone.state_dict()[key])
