"""A campaign's poses as a data set that others can use without this package.

    data/train-00000-of-0000N.parquet    rows: pose, lineage, error, is_seed
    README.md                            the card, as Hugging Face reads it
    croissant.json                       Croissant 1.0 with the responsible-AI fields
    provenance.json                      settings without paths, code, hashes, table version

What licence the poses are under is asked for: nobody can guess it.
"""

import hashlib
import json
import math
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evoskeleton.errors import BadInput
from evoskeleton.files import NameTaken, whole_folder
from evoskeleton.platform.data.origin import Origin, as_plain, filled
from evoskeleton.platform.data.pose_table import as_poses
from evoskeleton.platform.record.mlflow_run import public_settings
from evoskeleton.platform.record.provenance import code_commit, package_version
from evoskeleton.platform.search.campaign.closing.facts import ROLES, Facts, facts_of
from evoskeleton.platform.search.campaign.closing.written_report import drawn_figures
from evoskeleton.platform.search.sharing.card import card
from evoskeleton.platform.search.sharing.croissant import croissant
from evoskeleton.platform.search.sharing.terms import Terms

ROWS_OF_A_SHARD = 100_000

_COLUMNS = [
    "id", "generation", "island", "mother", "father", "operator", "subject", "clip", "pose",
    "margin", "error",
]  # fmt: skip


def home_of(table: str, campaign: str) -> str:
    """The home of a campaign that wrote to a pose table in it.

    Raises:
        BadInput: the table lies in no home of such a campaign.
    """
    home = Path(table).expanduser().parent
    if not (home / campaign / "settings.yaml").exists():
        raise BadInput(f"{table} does not lie beside a campaign {campaign}: --home names its home")
    return str(home)


def publish(home: str, campaign: str, terms: Terms, output: Path, with_seeds: bool = True) -> int:
    """Write the folder, whole or not at all; returns the number of poses in it.

    Raises:
        BadInput: the campaign is not there or not done, the licence or creator is empty, of what
            the poses descend from nobody has said the licence, there is something at the place, or
            nothing would be in it.
    """
    _refuse_untold(terms)
    facts = facts_of(home, campaign)
    origins = _origins(facts, terms)
    rows = _rows(facts, with_seeds)
    if len(rows) == 0:
        raise BadInput(f"campaign {campaign} has bred no pose: without the seeds nothing is left")
    if output.exists() and any(output.iterdir() if output.is_dir() else [output]):
        raise BadInput(f"output {output} should be a new or an empty folder")
    try:
        with whole_folder(output.resolve()) as folder:
            _write(folder, facts, rows, terms, origins, with_seeds)
    except NameTaken as taken:
        raise BadInput(f"output {output} was filled meanwhile: it is in {taken.kept}") from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else error
        raise BadInput(f"output {output} cannot be written: {reason}") from None
    return len(rows)


def _refuse_untold(terms: Terms) -> None:
    for option, value in (("--licence", terms.licence), ("--creator", terms.creator)):
        if not value.strip():
            raise BadInput(f"{option} should say it in words, nobody can guess it")


def _origins(facts: Facts, terms: Terms) -> list[Origin]:
    """What the poses descend from, each with a licence.

    Raises:
        BadInput: of one nobody has said it.
    """
    known = filled(facts.origins(), terms.source_licence, "")
    if unknown := [each.name for each in known if not each.licence]:
        raise BadInput(
            f"nobody has said under which licence {', '.join(unknown)} may be used, from which the "
            "poses descend: --source-licence does"
        )
    return known


def _write(
    folder: Path,
    facts: Facts,
    rows: pa.Table,
    terms: Terms,
    origins: Sequence[Origin],
    with_seeds: bool,
) -> None:
    shards = _shards(folder / "data", rows)
    numbers = _numbers(facts, rows) | {"figures": _figures(folder / "figures", facts, with_seeds)}
    provenance = _provenance(facts, terms, with_seeds) | {"sources": as_plain(origins)}
    (folder / "provenance.json").write_text(json.dumps(provenance, indent=1))
    (folder / "README.md").write_text(card(terms, numbers, facts.changed_settings(), origins))
    described = croissant(terms, numbers, shards, datetime.now(UTC).date().isoformat())
    (folder / "croissant.json").write_text(json.dumps(described, indent=1))


def _rows(facts: Facts, with_seeds: bool) -> pa.Table:
    """Rows that stay, with `is_seed`; without what names a person where seeds are left out."""
    rows = facts.table.chosen(_COLUMNS, int(facts.report["table_version"]), facts.name)
    rows = rows.append_column("is_seed", pc.equal(rows["generation"], 0))
    if with_seeds:
        return rows
    return rows.filter(pc.invert(rows["is_seed"])).drop_columns(["subject", "clip"])


def _shards(folder: Path, rows: pa.Table) -> dict[str, str]:
    """Write the shards; SHA-256 of each by its path in the data set."""
    folder.mkdir()
    poses = as_poses(rows["pose"]).reshape(-1)
    flat = pa.FixedSizeListArray.from_arrays(pa.array(poses), 51)
    rows = rows.set_column(rows.column_names.index("pose"), "pose", flat)
    rows = rows.replace_schema_metadata(None)
    count = max(1, math.ceil(len(rows) / ROWS_OF_A_SHARD))
    hashes = {}
    for at in range(count):
        path = folder / f"train-{at:05d}-of-{count:05d}.parquet"
        part = rows.slice(at * ROWS_OF_A_SHARD, ROWS_OF_A_SHARD)
        pq.write_table(part, path, compression="zstd")
        hashes[f"data/{path.name}"] = _sha256(path)
    return hashes


def _figures(folder: Path, facts: Facts, with_seeds: bool) -> list[str]:
    """Figures of the campaign, and their names; those that show real poses only with the seeds."""
    folder.mkdir()
    names = []
    for name, png in drawn_figures(facts):
        if with_seeds or name not in _SHOW_SEEDS:
            (folder / f"{name}.png").write_bytes(png)
            names.append(name)
    return names


_SHOW_SEEDS = ("evolved_poses", "hardest_poses")


def _numbers(facts: Facts, rows: pa.Table) -> dict[str, Any]:
    """What the card and the metadata tell."""
    seeds = int(pc.sum(rows["is_seed"]).as_py() or 0)
    errors = np.asarray(rows["error"].fill_null(float("nan")), float)
    before, after = facts.errors
    return {
        "columns": rows.column_names,
        "poses": len(rows),
        "seeds": seeds,
        "bred": len(rows) - seeds,
        "generations": int(facts.report["generations"]),
        "error_median_mm": float(np.nanmedian(errors)) if np.isfinite(errors).any() else None,
        "baseline_mm": before,
        "champion_mm": after,
        "test_poses": int(facts.report["evolved"]["poses"]),
        "limits": _limits(facts.settings.search.limits),
    }


def _limits(name: str) -> str:
    """What the limits are called; a file of one's own has no name that others know."""
    return name if name in ("default", "ranges", "none") else "own"


def _provenance(facts: Facts, terms: Terms, with_seeds: bool) -> dict[str, Any]:
    champion = int(facts.report["champion_training"])
    weights = dict(facts.trainings)[champion]["hash"]
    return {
        "campaign": facts.name,
        "table_version": facts.report["table_version"],
        "package": f"evoskeleton {facts.code['version'] or package_version()}",
        "commit": facts.code["commit"] if facts.code["version"] else code_commit(),
        "champion_weights": weights,
        "with_seeds": with_seeds,
        "licence": terms.licence,
        "acknowledgement": terms.acknowledgement or None,
        "sha256": {
            **{role: _sha256(facts.folder.source(role)) for role in ROLES},
            "limits": _sha256(facts.folder.limits),
        },
        "settings": _shareable(public_settings(facts.settings.model_dump(mode="json"))),
    }


def _shareable(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of the search alone: not of where it ran, nor who was recorded."""
    return {n: settings[n] for n in ("seed", "motion", "search", "training") if n in settings}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
