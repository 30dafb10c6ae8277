"""Two parts of a training in a stated share."""

import numpy as np
import pytest

from evoskeleton.platform.search.target.mixture import write_mixture


def parts(special: int, general: int) -> tuple[np.ndarray, np.ndarray]:
    """Poses that can be told apart by their first number: special ones are negative."""
    first = -1.0 - np.arange(special, dtype=np.float32), np.arange(general, dtype=np.float32)
    return tuple(np.tile(part[:, None, None], (1, 17, 3)) for part in first)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.75])
@pytest.mark.parametrize(("special", "general"), [(30, 300), (300, 30), (7, 7), (1, 500), (500, 1)])
def test_all_poses_are_there_in_the_share_and_none_much_more_often(
    tmp_path, special, general, share
):
    write_mixture(tmp_path / "mix.npy", *parts(special, general), share, key=4)
    mixed = np.load(tmp_path / "mix.npy", mmap_mode="r")[:, 0, 0]
    first = mixed < 0
    assert abs(first.mean() - share) <= 1 / len(mixed)
    for part, count in ((mixed[first], special), (mixed[~first], general)):
        _, times = np.unique(part, return_counts=True)
        assert len(times) == count
        assert times.max() - times.min() <= 1
    assert min(first.sum() - special, (~first).sum() - general) <= 1, "one part is not repeated"


def test_who_comes_once_more_is_drawn(tmp_path):
    files = []
    for number, key in enumerate((4, 4, 5)):
        files.append(tmp_path / f"{number}.npy")
        write_mixture(files[-1], *parts(70, 100), 0.5, key)
    once, again, other = (np.load(file)[:, 0, 0] for file in files)
    assert np.array_equal(once, again)
    assert not np.array_equal(np.sort(once), np.sort(other))
    assert np.load(files[0]).dtype == np.float32 and np.load(files[0]).shape == (200, 17, 3)
