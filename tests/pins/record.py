"""Records again what the tests in this folder compare with.

    cd tests && python -m pins.record PART...

with the package on the path, from the root of the repository. The parts are `sentences`,
`campaign`, `lifters`, `annotations`, `exports`, `answers` and `codes`; without any, all of them
(two minutes). What is recorded is what the source does now: record a part only after a change that
is meant to change it, and say so in the commit. `campaign` writes the rows and the folder of a
campaign; `motion.npy`, from which everything is made, stays.
"""

import json
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path

from pins import sentences
from pins.kernels import FIXTURES, run

_OF_HOME = (
    "pinned/settings.yaml",
    "pinned/identity",
    "pinned/descriptor.npz",
    "pinned/operators.json",
    "pinned/report.json",
    "pinned/state/*.npz",
    "pinned/trainings/*/training.json",
    "pinned/trainings/g000004/bundle/*",
    "poses/**/*",
)
"""What of a campaign's home is kept; the joint limits are too large, and those of the package."""


def campaign(folder: Path) -> None:
    """Rows, trainings, and the home."""
    run("pins.campaign", folder)
    keep_campaign(folder)


def keep_campaign(folder: Path) -> None:
    """Copy what a campaign left in a folder."""
    for name in ("rows.npz", "trainings.json"):
        shutil.copy(folder / name, FIXTURES / name)
    home = folder / "home"
    files = {path for pattern in _OF_HOME for path in home.glob(pattern) if path.is_file()}
    pack(FIXTURES / "home.zip", home, files, str(folder).encode())


def lifters(folder: Path) -> None:
    """Weights and scores."""
    run("pins.lifters", folder)
    shutil.copy(folder / "lifters.npz", FIXTURES / "lifters.npz")


def annotations(folder: Path) -> None:
    """An annotation store as files, and what is in it as JSON."""
    run("pins.annotated", folder)
    store = folder / "store"
    pack(FIXTURES / "store.zip", store, {path for path in store.rglob("*") if path.is_file()})
    shutil.copy(folder / "store.json", FIXTURES / "store.json")


def exports(folder: Path) -> None:
    """Hashes of every file that is written for others."""
    run("pins.exports", folder)
    shutil.copy(folder / "exports.json", FIXTURES / "exports.json")


def answers(folder: Path) -> None:
    """What every method of both services answers."""
    run("pins.answers", folder)
    shutil.copy(folder / "answers.json", FIXTURES / "answers.json")


def codes(folder: Path) -> None:
    """The name of every operator code."""
    from evoskeleton.evolution.operators.codes import IMMIGRANT, code_to_name

    words = json.dumps({code: code_to_name(code) for code in range(IMMIGRANT + 1)}, indent=0)
    (FIXTURES / "operators.json").write_text(words + "\n")


def pack(target: Path, root: Path, files: set[Path], place: bytes = b"") -> None:
    """A zip of some files below a root, without times; JSON forgets the `place` it was made in."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(files):
            data = path.read_bytes()
            if place and path.suffix == ".json":
                data = data.replace(place, b"/made")
            entry = zipfile.ZipInfo(str(path.relative_to(root)))
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)


PARTS = {part.__name__: part for part in (codes, lifters, annotations, exports, answers, campaign)}


def main(names: list[str]) -> None:
    """Record the parts."""
    for name in names or ["sentences", *PARTS]:
        if name == "sentences":
            sentences.record()
            continue
        with tempfile.TemporaryDirectory() as folder:
            PARTS[name](Path(folder).resolve())


if __name__ == "__main__":
    main(sys.argv[1:])
