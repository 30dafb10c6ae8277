"""Every file that is written for others, from fixed poses and annotations, as hashes.

`python -m pins.exports FOLDER` writes FOLDER/exports.json. A file whose bytes depend on the clock
or on the version of a library is told by what is in it instead: Parquet by its columns, zip by its
members, a pose table by its rows.
"""

import hashlib
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from pins.annotated import make
from pins.campaign import motion, rows, write_motion

from evoskeleton.cli import main as command_line
from evoskeleton.lifting.keypoints.keypoint_files import write_joints

STATES = ("draft", "submitted", "accepted", "rejected")
ANNOTATIONS = {
    "people-coco.json": ("people", "coco"),
    "people-as-coco.json": ("people", "coco", "--keypoints", "coco"),
    "people-all.json": ("people", "coco", *(w for s in STATES for w in ("--state", s))),
    "people-h36m.npy": ("people", "human36m"),
    "people-h36m-rejected.npy": ("people", "human36m", "--state", "rejected"),
    "people-u3dpw.npy": ("people", "u3dpw"),
    "people-u3dpw-all.npy": ("people", "u3dpw", *(w for s in STATES for w in ("--state", s))),
    "people-table": ("people", "pose-table", "--state", "accepted", "--state", "rejected"),
    "crowd-coco.json": ("crowd", "coco"),
    "crowd-u3dpw.npy": ("crowd", "u3dpw"),
}
"""Project, format and options of `annotations export`, by the file that is written."""

POSES = {
    "poses.parquet": ("parquet",),
    "poses-h36m.npy": ("human36m", "--pseudo-subjects"),
    "poses-videopose3d.npz": ("videopose3d", "--pseudo-subjects"),
}
"""Format and options of `data export`."""


def run(*arguments: object) -> None:
    """A command that succeeds."""
    try:
        command_line([*map(str, arguments)])
    except SystemExit as end:
        assert not end.code, arguments


def told(path: Path) -> Any:
    """A hash of a file, or of what is in it."""
    if path.is_dir():
        return {name: of_array(array) for name, array in rows(path).items()}
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        columns = {f.name: (str(f.type), digest(_json(table[f.name]))) for f in table.schema}
        words = table.schema.metadata or {}
        kept = {k.decode(): v.decode() for k, v in words.items() if k != b"ARROW:schema"}
        return {"rows": table.num_rows, "columns": columns, "metadata": kept}
    if path.suffix == ".npz":
        with zipfile.ZipFile(path) as archive:
            return {name: digest(archive.read(name)) for name in archive.namelist()}
    return digest(path.read_bytes())


def _json(column: Any) -> bytes:
    return json.dumps(column.to_pylist()).encode()


def digest(data: bytes) -> str:
    """Length and SHA-256."""
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}"


def of_array(array: np.ndarray) -> str:
    """Of what it reads, so that the width of a text does not count."""
    return digest(json.dumps(array.tolist()).encode())


def main(folder: Path) -> None:
    """Write every file, and tell what they are."""
    make(folder / "store").close()
    for name, (project, kind, *options) in ANNOTATIONS.items():
        where = ("--output", folder / name, "--annotations", folder / "store")
        run("annotations", "export", project, "--format", kind, *where, *options)
    source = folder / "motion.parquet"
    write_motion(source)
    for name, (kind, *options) in POSES.items():
        where = ("--output", folder / name)
        run("data", "export", "--poses", source, "--format", kind, *where, *options)
    for name in ("joints.json", "joints.parquet"):
        write_joints(folder / name, motion()[:5] - motion()[:5, :1])
    names = [*ANNOTATIONS, *POSES, "joints.json", "joints.parquet"]
    words = {name: told(folder / name) for name in names}
    (folder / "exports.json").write_text(json.dumps(words, indent=1, sort_keys=True))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
