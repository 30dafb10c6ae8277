"""One self-contained page in which poses are turned, played, filtered and traced to ancestors.

Poses travel as int16 half millimetres, their hips over the origin; the page asks nobody for
anything.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from evoskeleton.errors import BadInput
from evoskeleton.evolution.skeleton import BONES, JOINT_NAMES
from evoskeleton.files import write_text
from evoskeleton.platform.data.pose_table import PoseTable, as_poses
from evoskeleton.platform.data.poses import PoseSet
from evoskeleton.platform.data.sources.load import load, settings_from_text

_STEP_MM = 0.5
_COLUMNS = ["id", "generation", "operator", "mother", "error", "subject", "clip", "pose"]


@dataclass(frozen=True)
class Shown:
    """Poses and what is known of each; lists may be empty where nothing is.

    Attributes:
        poses: (n, 17, 3) world mm, z up.
        ids, generation, mother: (n,) of bred poses; the mother's place among these, -1 for none.
        operator, clip: (n,) words.
        error: (n,) mm, NaN where nothing has scored.
        left_again: (n,) bool, rows of a table that left it for others; ancestors are among them.
        left_out: poses that there were too many.
    """

    poses: np.ndarray
    ids: np.ndarray
    generation: np.ndarray
    mother: np.ndarray
    operator: Sequence[str]
    clip: Sequence[str]
    error: np.ndarray
    left_again: np.ndarray
    left_out: int = field(default=0)


def write_viewer(what: str, output: Path, limit: int, campaign: str | None = None) -> Shown:
    """Write the page; returns what is shown on it.

    Args:
        what: a pose table, or poses as of `--poses`.
        output: HTML file.
        limit: most poses; of more, so many are shown, evenly chosen, with all their ancestors.
        campaign: of a table; none: all of it.

    Raises:
        BadInput: there are no poses there, or the file cannot be written.
    """
    shown = _of_table(what, limit, campaign) if _is_table(what) else _of_source(what, limit)
    if len(shown.poses) == 0:
        raise BadInput(f"{what} holds no poses{f' of campaign {campaign}' if campaign else ''}")
    write_text(output, page_of(shown, campaign or Path(what).name))
    return shown


def page_of(shown: Shown, title: str) -> str:
    """The whole page."""
    data = {
        "title": title,
        "joints": JOINT_NAMES,
        "bones": [[int(a), int(b)] for a, b in BONES],
        "step": _STEP_MM,
        "poses": _packed(shown.poses),
        "id": [str(each) for each in shown.ids],
        "generation": shown.generation.tolist(),
        "mother": shown.mother.tolist(),
        "operator": _indexed(shown.operator),
        "clip": _indexed(shown.clip),
        "error": [None if np.isnan(e) else round(float(e), 1) for e in shown.error],
        "leftAgain": np.flatnonzero(shown.left_again).tolist(),
        "leftOut": shown.left_out,
    }
    template = resources.files("evoskeleton.platform.search.sharing").joinpath("viewer.html")
    words = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    return template.read_text().replace("/*DATA*/null", words)


def _is_table(what: str) -> bool:
    return "://" in what or (Path(what).expanduser() / "_delta_log").is_dir()


def _packed(poses: np.ndarray) -> str:
    """Half millimetres as base64 of little-endian int16, hips over the origin."""
    seen = poses.copy()
    seen[..., :2] -= poses[:, :1, :2]
    steps = np.clip(np.rint(seen / _STEP_MM), -32768, 32767).astype("<i2")
    return base64.b64encode(steps.tobytes()).decode()


def _indexed(words: Sequence[str]) -> dict[str, Any]:
    """Few words that come often: the words, and the place of each."""
    known, places = np.unique(np.asarray(words, dtype=str), return_inverse=True)
    return {"words": known.tolist(), "of": places.reshape(-1).tolist()}


def _of_source(what: str, limit: int) -> Shown:
    poses: PoseSet = load(settings_from_text(what)).ordered()
    count = len(poses)
    poses = poses.take(np.arange(min(count, limit)))  # whole clips can be played
    size = len(poses)
    return Shown(
        poses=poses.poses,
        ids=np.arange(size),
        generation=np.zeros(size, np.int32),
        mother=np.full(size, -1),
        operator=[""] * size,
        clip=poses.clip_label().tolist(),
        error=np.full(size, np.nan),
        left_again=np.zeros(size, bool),
        left_out=count - size,
    )


def _of_table(uri: str, limit: int, campaign: str | None) -> Shown:
    table = PoseTable.open(uri)
    names = sorted(table.info()["rows_by_campaign"])
    if campaign is None and len(names) > 1:
        raise BadInput(f"{uri} holds several campaigns: --campaign names one of {', '.join(names)}")
    name = campaign or names[0]
    rows = table.read(_COLUMNS, campaign=name).sort_by("id")
    stay = np.asarray(table.chosen(["id"], campaign=name)["id"])
    ids, mothers = np.asarray(rows["id"]), np.asarray(rows["mother"].fill_null(-1))
    place = np.searchsorted(ids, mothers).clip(max=max(0, len(ids) - 1))
    mother = np.where((mothers >= 0) & (ids[place] == mothers), place, -1)
    left = ~np.isin(ids, stay, assume_unique=True)
    kept = _with_ancestors(_spread(np.flatnonzero(~left), np.flatnonzero(left), limit), mother)
    new = np.full(len(ids) + 1, -1)
    new[kept] = np.arange(len(kept))
    rows = rows.take(kept)
    return Shown(
        poses=as_poses(rows["pose"]),
        ids=ids[kept],
        generation=np.asarray(rows["generation"]),
        mother=new[mother[kept]],
        operator=rows["operator"].to_pylist(),
        clip=[clip or "" for clip in rows["clip"].to_pylist()],
        error=np.asarray(rows["error"].fill_null(float("nan")), float),
        left_again=left[kept],
        left_out=len(ids) - len(kept),
    )


def _spread(stay: np.ndarray, left: np.ndarray, limit: int) -> np.ndarray:
    """At most so many places, evenly: of rows of the table first, of those that left after them."""
    first = _evenly(stay, limit)
    places: np.ndarray = np.union1d(first, _evenly(left, limit - len(first)))
    return places


def _evenly(places: np.ndarray, count: int) -> np.ndarray:
    """At most so many of the places, evenly over all."""
    if count <= 0 or len(places) == 0:
        return places[:0]
    chosen: np.ndarray = places[
        np.linspace(0, len(places) - 1, min(count, len(places))).astype(int)
    ]
    return chosen


def _with_ancestors(places: np.ndarray, mother: np.ndarray) -> np.ndarray:
    """The places and those of all their mothers, in order."""
    while True:
        more = np.union1d(places, mother[places][mother[places] >= 0])
        if len(more) == len(places):
            return more
        places = more
