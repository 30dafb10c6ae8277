"""The published lifters of Li et al. 2020, read without running them, and computing the same."""

import pickle
import sys
import types

import numpy as np
import pytest
import torch
from torch import nn

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import H36M_32_INDEX
from evoskeleton.lifting.bundle import load_bundle, save_bundle
from evoskeleton.lifting.bundles.published import read_published

WITHOUT_NECK = [joint for joint in range(17) if joint != 9]


@pytest.fixture
def theirs(monkeypatch):
    """Modules of the published layout and names, in a module of the published name."""

    class ResidualBlock(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.relu, self.dropout = nn.ReLU(inplace=True), nn.Dropout(0.5)
            self.w1, self.batch_norm1 = nn.Linear(width, width), nn.BatchNorm1d(width)
            self.w2, self.batch_norm2 = nn.Linear(width, width), nn.BatchNorm1d(width)

        def forward(self, x):
            y = self.dropout(self.relu(self.batch_norm1(self.w1(x))))
            return x + self.dropout(self.relu(self.batch_norm2(self.w2(y))))

    class FCModel(nn.Module):
        def __init__(self, width, blocks):
            super().__init__()
            self.w1, self.batch_norm1 = nn.Linear(32, width), nn.BatchNorm1d(width)
            self.res_blocks = nn.ModuleList(ResidualBlock(width) for _ in range(blocks))
            self.w2 = nn.Linear(width, 48)
            self.relu, self.dropout = nn.ReLU(inplace=True), nn.Dropout(0.5)

        def forward(self, x):
            y = self.dropout(self.relu(self.batch_norm1(self.w1(x))))
            for block in self.res_blocks:
                y = block(y)
            return self.w2(y)

    module = types.ModuleType("libs.model.model")
    for one in (ResidualBlock, FCModel):
        one.__module__, one.__qualname__ = "libs.model.model", one.__name__
        setattr(module, one.__name__, one)
    for name in ("libs", "libs.model"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, "libs.model.model", module)
    torch.manual_seed(1)
    cascade = nn.ModuleList(FCModel(24, 2) for _ in range(2))
    for part in cascade.modules():
        if isinstance(part, nn.BatchNorm1d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.5, 2.0)
    return cascade.eval()


@pytest.fixture
def statistics(tmp_path):
    chance = np.random.default_rng(2)
    used = np.array(H36M_32_INDEX)
    words = {
        "mean_2d": chance.normal(500, 50, 64), "std_2d": chance.uniform(50, 90, 64),
        "mean_3d": chance.normal(0, 100, 96), "std_3d": chance.uniform(50, 200, 96),
        "dim_use_2d": np.sort(np.r_[2 * used, 2 * used + 1]),
        "dim_ignore_3d": np.array([0, 1, 2]),
    }  # fmt: skip
    np.save(tmp_path / "stats.npy", words, allow_pickle=True)
    return tmp_path / "stats.npy", words


def answer(cascade, points, words):
    """(n, 16, 3) mm by the published recipe for pictures in the wild."""
    kept = points[:, WITHOUT_NECK]
    spread = 0.5 * (kept[..., 0].std(1) + kept[..., 1].std(1))
    scaled = (kept - kept.mean(1, keepdims=True)) / spread[:, None, None]
    inputs = torch.tensor(scaled.reshape(len(points), 32)).float()
    with torch.no_grad():
        outputs = sum(stage(inputs) for stage in cascade).numpy().reshape(-1, 16, 3)
    std, mean = (words[n].reshape(32, 3)[list(H36M_32_INDEX)[1:]] for n in ("std_3d", "mean_3d"))
    return outputs * std + mean


@pytest.mark.parametrize(("whole", "old"), [(False, False), (False, True), (True, False)])
def test_a_published_lifter_answers_as_it_did(theirs, statistics, tmp_path, whole, old):
    path, (stats, words) = tmp_path / "model.th", statistics
    content = theirs if whole else theirs.state_dict()
    torch.save(content, path, _use_new_zipfile_serialization=not old)
    lifter = read_published(path, stats)
    save_bundle(lifter, tmp_path / "bundle", {})
    points = np.random.default_rng(3).uniform(100, 900, (5, 17, 2))
    joints = load_bundle(tmp_path / "bundle").lift(points)
    assert np.abs(joints[:, 1:] - answer(theirs, points, words)).max() < 0.05
    points[:, 9] = np.nan
    hidden = np.ones((5, 17))
    hidden[:, 9] = 0
    assert np.abs(load_bundle(tmp_path / "bundle").lift(points, hidden) - joints).max() < 1e-3


class Bomb:
    def __reduce__(self):
        return exec, ("raise SystemExit('ran')",)


def test_nothing_in_the_files_is_run(theirs, statistics, tmp_path):
    torch.save({"0.w1.weight": Bomb()}, tmp_path / "bomb.th")
    with pytest.raises(BadInput, match="bomb.th are no published lifter"):
        read_published(tmp_path / "bomb.th", statistics[0])
    torch.save(theirs.state_dict(), tmp_path / "model.th")
    (tmp_path / "bad.npy").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(BadInput, match="bad.npy"):
        read_published(tmp_path / "model.th", tmp_path / "bad.npy")


def test_other_files_and_networks_are_told(theirs, statistics, tmp_path):
    stats = statistics[0]
    (tmp_path / "words.th").write_text("words")
    with pytest.raises(BadInput, match="words.th are no published lifter"):
        read_published(tmp_path / "words.th", stats)
    with pytest.raises(BadInput, match="none.th cannot be read: No such file"):
        read_published(tmp_path / "none.th", stats)
    torch.save({"layer": torch.zeros(3)}, tmp_path / "other.th")
    with pytest.raises(BadInput, match="should be stages 0, 1"):
        read_published(tmp_path / "other.th", stats)
    weights = theirs.state_dict()
    weights["1.w1.weight"] = torch.zeros(24, 34)
    torch.save(weights, tmp_path / "seventeen.th")
    with pytest.raises(BadInput, match="should take 32 numbers and give 48, got 34 and 48"):
        read_published(tmp_path / "seventeen.th", stats)
