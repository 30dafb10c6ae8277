"""One look at keypoint files: what was understood of them, and what is said of it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.keypoints.plausible_keypoints import outside, reasons
from evoskeleton.platform.data.target.declarations import NOTHING_DECLARED, Declarations
from evoskeleton.platform.data.target.found import FoundKeypoints, Readers
from evoskeleton.platform.data.target.load import built_in, matched
from evoskeleton.platform.data.target.usable import expect_order, expect_pixels

_UPSIDE_DOWN = 0.9
_SIDEWAYS = 0.75
_PER_CENT = 100.0
_HEAD, _FEET = JOINT_NAMES.index("Head"), (JOINT_NAMES.index("RFoot"), JOINT_NAMES.index("LFoot"))


class Looked(NamedTuple):
    """Keypoints of some files.

    Attributes:
        found: all of them.
        kinds: what each file was read as, by path.
        left_out: why a set cannot be lifted, by its row.
        notes: what a user should know.
    """

    found: FoundKeypoints
    kinds: dict[str, str]
    left_out: dict[int, str]
    notes: list[str]


def look(
    path: Path, declared: Declarations = NOTHING_DECLARED, readers: Readers | None = None
) -> Looked:
    """Read keypoints of any known kind.

    Args:
        path: a file, or a folder of files.
        declared: what is declared of them.
        readers: tried in their order; none: those of the package.

    Raises:
        BadInput: nothing can be read, or what was read is no keypoints of a body in px.
    """
    if not path.exists():
        raise BadInput(f"keypoint file {path}: No such file or directory")
    parts, kinds = [], {}
    for file, reader in matched([str(path)], built_in(declared) if readers is None else readers):
        part = reader.read(file)
        expect_pixels(str(file), part)
        if declared.points is None:
            expect_order(str(file), part)
        parts.append(part)
        kinds[str(file)] = type(reader).__name__
    found = FoundKeypoints.concat(parts)
    left_out = reasons(found.keypoints, found.confidence > 0.0)
    return Looked(found, kinds, left_out, list(_notes(found, left_out, declared)))


def _notes(
    found: FoundKeypoints, left_out: dict[int, str], declared: Declarations
) -> Iterator[str]:
    known = found.confidence > 0.0
    if not len(found):
        yield "nobody was found"
    missing = int((~known).sum())
    if missing:
        yield (
            f"{missing:,} of {known.size:,} joints are not known: not found, at (0, 0), or of a "
            f"confidence of {declared.threshold:g} or less (--threshold)"
        )
    for reason, count in Counter(left_out.values()).items():
        yield f"{count:,} of {len(found):,} poses have no answer: {reason}"
    size = found.image_size if declared.size is None else np.array(declared.size)
    beyond = outside(found.keypoints, known, size)
    if beyond.outside:
        yield (
            f"{beyond.outside:,} of {beyond.known:,} known joints lie outside of the pictures: is "
            "their size right?"
        )
    if _upside_down(found, known) > _UPSIDE_DOWN:
        yield "heads are below feet: y should point down"
    elif _sideways(found, known) > _SIDEWAYS:
        yield "people lie on their sides: are x and y in this order, and the pictures turned right?"
    if known.any() and (found.keypoints[known] < 0.0).any(axis=1).mean() > 0.5:
        yield "most keypoints are below 0: px should count from the top left corner"
    if (
        known.any()
        and 0.0 <= found.keypoints[known].min() <= found.keypoints[known].max() <= _PER_CENT
    ):
        yield (
            "all coordinates lie between 0 and 100: are they per cent? A hundredth of them is the "
            "share of the picture that --normalised takes"
        )


def _upside_down(found: FoundKeypoints, known: np.ndarray) -> float:
    """Share of the sets whose head lies below both feet."""
    whole = known[:, [_HEAD, *_FEET]].all(axis=1)
    y = found.keypoints[whole, :, 1]
    if not len(y):
        return 0.0
    return float((y[:, _HEAD] > y[:, list(_FEET)].max(axis=1)).mean())


_HIP, _THORAX = JOINT_NAMES.index("Hip"), JOINT_NAMES.index("Thorax")


def _sideways(found: FoundKeypoints, known: np.ndarray) -> float:
    """Share of the sets whose trunk lies rather than stands."""
    trunk = found.keypoints[:, _THORAX] - found.keypoints[:, _HIP]
    trunk = np.abs(trunk[known[:, _THORAX] & known[:, _HIP]])
    return float((trunk[:, 0] > trunk[:, 1]).mean()) if len(trunk) else 0.0


def report_lines(looked: Looked) -> Iterator[str]:
    """What was understood, a line each."""
    found = looked.found
    known = found.confidence > 0.0
    for file, kind in looked.kinds.items():
        yield f"{file}: read by {kind}"
    clips = {(clip.file, clip.subject, clip.name, clip.part) for clip in found.clips}
    yield f"  {len(found):,} keypoint sets of {len(clips):,} clips"
    sizes = found.image_size[np.isfinite(found.image_size).all(axis=1)]
    extents = {f"{width:.0f}x{height:.0f}" for width, height in np.unique(sizes, axis=0)[:5]}
    yield f"  pictures: {', '.join(sorted(extents)) or 'size not known'}"
    if len(found):
        numbers = found.keypoints[known]
        low, high = (numbers.min(0), numbers.max(0)) if len(numbers) else (np.zeros(2),) * 2
        yield f"  x {low[0]:.1f} to {high[0]:.1f}, y {low[1]:.1f} to {high[1]:.1f} px"
        mixed = [
            name for name, is_so in zip(JOINT_NAMES, found.approximated[0], strict=True) if is_so
        ]
        yield f"  approximated: {', '.join(mixed) or 'none, Human3.6M order'}"
        shares = ", ".join(
            f"{name} {share:.0%}" for name, share in zip(JOINT_NAMES, known.mean(0), strict=True)
        )
        yield f"  known: {shares}"
    for note in looked.notes:
        yield f"  {note}"


def draw_look(looked: Looked, path: Path) -> None:
    """A PNG of up to six keypoint sets, evenly along the file.

    Raises:
        BadInput: the file cannot be written.
    """
    from matplotlib.figure import Figure

    from evoskeleton.files import whole_file
    from evoskeleton.lifting.drawing import draw_keypoints

    found = looked.found
    rows = np.unique(np.linspace(0, len(found) - 1, min(6, len(found))).astype(int))
    figure = Figure(figsize=(9, 6))
    for place, row in enumerate(rows, start=1):
        axes = figure.add_subplot(2, 3, place)
        known = (found.confidence[row] > 0.0).astype(np.float32)
        points = np.where(known[:, None] > 0, found.keypoints[row], np.nan)
        draw_keypoints(axes, points, known)
        axes.set_title(found.place(int(row)) or Path(found.clips[found.clip[row]].file).name)
    with whole_file(path, overwrite=True) as file:
        figure.savefig(file, format="png", dpi=100)
