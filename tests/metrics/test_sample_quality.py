"""Distances between sets of images, and how much of one set the other covers."""

import math

import pytest
import torch

import genlab
from genlab.metrics.classifier import Classifier
from genlab.metrics.sample_quality import class_balance, covered, distances, label_accuracy, precision_and_recall

random = torch.Generator().manual_seed(0)
normal = torch.randn(2, 3000, 4, generator=random)


def test_the_frechet_distance_is_that_of_two_normal_distributions():
    """Means differ by 2 in each of 4 dimensions, and deviations are 1 and 3: 4 * 2^2 + 4 * (3 - 1)^2."""
    assert distances(normal[0], 3 * normal[1] + 2)["fid"] == pytest.approx(32, rel=0.05)


def test_sets_from_one_distribution_are_near_and_others_far():
    same, other = distances(*normal), distances(normal[0], normal[1] + 1)
    assert same["fid"] < 0.01
    assert abs(same["kid"]) < 0.02
    assert other["fid"] > 3
    assert other["kid"] > 0.5


def test_the_distance_to_itself_is_nothing():
    assert distances(normal[0], normal[0])["fid"] == pytest.approx(0, abs=1e-4)


def test_a_point_is_covered_inside_the_ball_of_a_neighbour():
    reference = torch.tensor([[0.0], [1.0], [2.0], [10.0], [11.0]])
    points = torch.tensor([[0.5], [-1.5], [-2.5], [6.0], [1.6], [100.0]])
    # distances to the second nearest neighbours: radii 2, 1, 2, 8, 9
    assert covered(points, reference, 2) == pytest.approx(4 / 6)


def test_coverage_is_that_of_the_same_points_elsewhere():
    real, fake = normal[0][:500], normal[1][:500]
    near, far = precision_and_recall(real, fake), precision_and_recall(real + 1000, fake + 1000)
    assert far == pytest.approx(near, abs=0.01)
    assert precision_and_recall(real + 1000, real + 1000) == {"precision": 1.0, "recall": 1.0}


def test_equal_points_cover_each_other():
    alike = torch.full((100, 16), 1 / 3)
    assert covered(alike, torch.cat([alike, torch.rand(100, 16)]), 3) == 1
    assert covered(alike + 1e-3, alike, 3) == 0


def test_half_the_modes_are_precise_and_recall_half_and_noise_neither():
    two = torch.cat([normal[0][:1500], normal[0][1500:] + 100])
    one = normal[1][:1500]
    found = precision_and_recall(two, one)
    assert found["precision"] > 0.9
    assert found["recall"] == pytest.approx(0.5, abs=0.05)
    assert precision_and_recall(two, torch.full((1500, 4), 50.0))["precision"] == 0


def test_balance_counts_classes_and_their_entropy():
    logits = torch.eye(4)[torch.tensor([0] * 50 + [1] * 49 + [2])]
    found = class_balance(logits)
    assert found["classes_hit"] == "2 of 4"
    expected = -sum(p * math.log(p) for p in (0.5, 0.49, 0.01))
    assert found["class_entropy"] == pytest.approx(expected)
    assert found["largest_entropy"] == pytest.approx(math.log(4))


def test_label_accuracy_is_the_share_of_labels_that_are_recognized():
    found = label_accuracy(torch.eye(4), torch.tensor([0, 1, 2, 2]))
    assert found["label_accuracy"] == 0.75
    assert found["label_accuracy_standard_error"] == pytest.approx(math.sqrt(0.75 * 0.25 / 4))


def test_a_classifier_learns_digits_and_has_features_of_one_scale():
    torch.manual_seed(0)
    data = genlab.Digits()
    data.setup()
    batches = [batch for _ in range(8) for batch in data.train_dataloader()]
    classifier = Classifier(data.image_shape, 10).learn(batches)
    assert classifier.accuracy(data.test_dataloader()) > 0.93
    x = data.test_set.images / 255
    features = classifier.features(x).detach()
    assert features.shape == (len(x), 128)
    assert features.var(0).mean() == pytest.approx(1, rel=0.3)
    torch.testing.assert_close(classifier.of_features(features), classifier(x))


def test_a_classifier_learns_attributes():
    torch.manual_seed(0)
    attributes = torch.randint(0, 2, (64, 2)).float()
    images = attributes.mean(1)[:, None, None, None].expand(-1, 3, 8, 8) + 0.2 * attributes[:, :1, None, None]
    batch = {"image": images, "attributes": attributes}
    assert Classifier((3, 8, 8), 2).learn([batch] * 60).accuracy([batch]) > 0.9


def test_the_kernel_distances_standard_error_is_as_large_as_it_varies():
    """Over 40 pairs of samples of 200 each."""
    draws = torch.randn(40, 2, 200, 4, generator=torch.Generator().manual_seed(1))
    found = [distances(real, fake + 0.5) for real, fake in draws]
    spread = torch.tensor([each["kid"] for each in found]).std().item()
    error = torch.tensor([each["kid_standard_error"] for each in found]).mean().item()
    assert spread / 1.5 < error < 1.7 * spread
    assert "kid_standard_error" not in distances(draws[0, 0, :9], draws[0, 1, :9])
