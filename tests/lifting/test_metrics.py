"""Metrics: hand-computed cases, slow scalar twins, and what an alignment may not change."""

import numpy as np
import pytest
import torch

from evoskeleton.errors import BadInput
from evoskeleton.lifting.metrics import (
    AUC_THRESHOLDS_MM,
    METRICS,
    auc,
    joint_errors,
    mpjpe,
    n_mpjpe,
    p_mpjpe,
    pck,
    shown_in,
)


@pytest.fixture
def pair(motion) -> tuple[np.ndarray, np.ndarray]:
    """(40, 17, 3) hip-centred poses and a noisy guess at them, double precision."""
    target = (motion - motion[:, :1])[::6].astype(np.float64)
    noise = np.random.Generator(np.random.Philox(1)).normal(size=target.shape)
    return target + 60.0 * noise, target


def rotation(seed: int) -> np.ndarray:
    matrix, _ = np.linalg.qr(np.random.Generator(np.random.Philox(seed)).normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix))


def twin_mpjpe(predicted, target):
    return sum(
        sum((a - b) ** 2 for a, b in zip(p, t, strict=True)) ** 0.5
        for p, t in zip(predicted, target, strict=True)
    ) / len(target)


def twin_p_mpjpe(predicted, target):
    """Kabsch and Umeyama, one pose at a time, by scipy's rotation fit."""
    from scipy.spatial.transform import Rotation

    source, goal = predicted - predicted.mean(0), target - target.mean(0)
    turn, _ = Rotation.align_vectors(goal, source)
    turned = turn.apply(source)
    scale = (turned * goal).sum() / (source**2).sum()
    return twin_mpjpe(scale * turned, goal)


def test_by_hand():
    target = np.zeros((1, 4, 3))
    predicted = np.array([[[3.0, 4.0, 0.0], [0, 0, 0], [0, 0, 160.0], [0, 12.0, 5.0]]])
    assert joint_errors(predicted, target).tolist() == [[5.0, 0.0, 160.0, 13.0]]
    assert mpjpe(predicted, target).tolist() == [44.5]
    assert pck(predicted, target).tolist() == [0.75]
    within = [sum(error <= mm for mm in range(0, 151, 5)) / 31 for error in (5, 0, 160, 13)]
    assert auc(predicted, target)[0] == pytest.approx(sum(within) / 4)
    assert len(AUC_THRESHOLDS_MM) == 31


def test_scaling_by_hand():
    target = np.array([[[2.0, 0, 0], [0, 2.0, 0]]])
    assert n_mpjpe(target / 4, target)[0] == pytest.approx(0.0)
    assert n_mpjpe(np.array([[[1.0, 0, 0], [0, 0, 1.0]]]), target)[0] == pytest.approx(
        (1.0 + 5**0.5) / 2
    )


def test_mpjpe_equals_its_twin(pair):
    expected = [twin_mpjpe(p, t) for p, t in zip(*pair, strict=True)]
    assert np.allclose(mpjpe(*pair), expected)


@pytest.mark.parametrize("joints", [17, 16])
def test_p_mpjpe_equals_its_twin_and_divides_by_the_joints_that_were_aligned(pair, joints):
    predicted, target = (side[:, :joints] for side in pair)
    expected = [twin_p_mpjpe(p, t) for p, t in zip(predicted, target, strict=True)]
    assert np.allclose(p_mpjpe(predicted, target), expected)


def test_a_similarity_leaves_no_p_mpjpe(pair):
    _, target = pair
    moved = 1.7 * target @ rotation(4).T + [10.0, -500.0, 3.0]
    assert p_mpjpe(moved, target).max() < 1e-6
    assert mpjpe(moved, target).min() > 10


def test_a_mirrored_pose_is_not_forgiven(pair):
    _, target = pair
    assert p_mpjpe(target * [-1.0, 1.0, 1.0], target).min() > 5


def test_alignments_never_make_a_pose_worse_on_average(pair):
    assert n_mpjpe(*pair).mean() <= mpjpe(*pair).mean()
    assert p_mpjpe(*pair).mean() <= n_mpjpe(*pair).mean()


def test_torch_and_numpy_agree(pair):
    import torch

    for metric in (mpjpe, p_mpjpe, n_mpjpe, pck, auc):
        there = metric(*(torch.from_numpy(side) for side in pair)).numpy()
        assert np.allclose(metric(*pair), there)


def test_other_shapes_are_told(pair):
    with pytest.raises(ValueError, match=r"target should be \(40, 17, 3\), got \(40, 16, 3\)"):
        mpjpe(pair[0], pair[1][:, :16])


def test_metrics_are_listed_once_in_the_order_of_the_tables():
    assert list(METRICS) == ["mpjpe", "p_mpjpe", "n_mpjpe", "pck", "auc"]
    assert list(shown_in("study")) == ["mpjpe", "p_mpjpe", "pck", "auc"]
    assert list(shown_in("closing")) == ["mpjpe", "p_mpjpe"]
    assert METRICS["pck"].in_words(0.875) == "87.5"
    assert METRICS["mpjpe"].in_words(61.26) == "61.3"


@pytest.mark.parametrize("name", ["mpjpe", "p_mpjpe", "n_mpjpe", "pck", "auc"])
def test_an_unknown_joint_makes_its_own_pose_unknown_and_no_other(pair, name):
    metric = {"mpjpe": mpjpe, "p_mpjpe": p_mpjpe, "n_mpjpe": n_mpjpe, "pck": pck, "auc": auc}[name]
    predicted, target = pair
    expected = metric(predicted, target)
    for side in (0, 1):
        sides = [predicted.copy(), target.copy()]
        sides[side][3, 5] = np.nan
        result = metric(*sides)
        assert np.isnan(result[3])
        np.testing.assert_allclose(np.delete(result, 3), np.delete(expected, 3), rtol=1e-12)


@pytest.mark.parametrize("kind", [np.int16, np.int64, np.float16, ">f4"])
def test_any_numeric_array_is_measured(pair, kind):
    predicted, target = (np.round(side).astype(kind) for side in pair)
    exact = [side.astype(np.float64) for side in (predicted, target)]
    for metric in (mpjpe, p_mpjpe, n_mpjpe, pck, auc):
        assert metric(predicted, target) == pytest.approx(metric(*exact), abs=1e-3)
    tensors = [torch.from_numpy(side.astype(np.float16)) for side in exact]
    assert p_mpjpe(*tensors).dtype == torch.float32


def test_words_are_no_joints():
    words = np.full((1, 2, 3), "a")
    with pytest.raises(BadInput, match="predicted should hold real numbers"):
        mpjpe(words, words)
