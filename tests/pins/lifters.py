"""Two lifters after fifty steps, and scores of fixed poses by them.

`python -m pins.lifters FOLDER` writes FOLDER/lifters.npz.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from pins.campaign import clips, motion

from evoskeleton.evolution.archive.descriptor import DescriptorSettings, fit_descriptor
from evoskeleton.evolution.archive.novelty import novelty
from evoskeleton.evolution.chance import key, stream
from evoskeleton.evolution.hierarchy import encode
from evoskeleton.lifting.bundle import load_bundle, read_description, to_arrays
from evoskeleton.lifting.bundle_training import train_bundle
from evoskeleton.lifting.hardness import hardness
from evoskeleton.platform.search.workers.scorers import Archived, Champion, Scorable, Scorer

CHANGES = {
    "small": ["steps=50", "batch=32", "cascade.width=16", "cascade.blocks=1"],
    "paper": ["steps=25", "batch=32", "cascade.width=16", "cascade.blocks=1"],
}
"""Of two stages, 25 steps each, is the lifter as published; the other has one stage."""


def bundle(preset: str, folder: Path) -> Path:
    """A lifter of a preset, trained on all but the last poses, and calibrated on those."""
    poses = motion()
    kept, known = poses[:120], np.array(clips(poses)[120:])
    train_bundle(
        kept, folder, preset, CHANGES[preset], device="cpu", calibration=(poses[120:], known)
    )
    return folder


def of_presets(folder: Path) -> dict[str, np.ndarray]:
    """Weights, statistics, self-test answers and error radii."""
    found = {}
    for preset in CHANGES:
        description = read_description(bundle(preset, folder / preset))
        lifter = load_bundle(folder / preset)
        found |= {f"{preset}/{name}": part for name, part in to_arrays(lifter)[0].items()}
        found[f"{preset}/hash"] = np.array(description["weight_hash"])
        radii = description["training"]["error_radii_mm"]
        found[f"{preset}/radii"] = np.array(
            [[*radii[name].values()] for name in ("seen", "hidden")], np.float64
        )
        found[f"{preset}/loss"] = np.array([description["training"]["loss"]])
    return found


def scores(folder: Path) -> dict[str, np.ndarray]:
    """Hardness by both lifters, novelty, and both as the actor of the search gives them."""
    poses = motion()
    lifters = [load_bundle(folder / preset) for preset in CHANGES]
    views = key(5, stream("scoring views"))
    found = {f"hardness/{n}": a for n, a in vars(hardness(lifters, poses, 3, views)).items()}
    genomes = encode(torch.from_numpy(poses))
    descriptor = fit_descriptor(genomes, DescriptorSettings.parse({}))
    rows = descriptor.describe(genomes)
    asked, known, members = rows, rows[40:100], torch.zeros(len(rows), dtype=torch.bool)
    members[40:100] = True
    found["descriptor"] = rows.numpy()
    found["novelty/others"] = novelty(asked, known, 5).numpy()
    found["novelty/members"] = novelty(asked, known, 5, members).numpy()
    ids = np.arange(len(poses))
    bodies = Scorable(poses, ids, rows.numpy())
    archived = Archived(ids[40:100], known.numpy(), neighbours=5, unit_mm=2.0)
    given = Scorer(seed=5, views=3).score(bodies, Champion.of(lifters), archived)
    scored = {name: array for name, array in vars(given).items() if array is not None}
    return found | {f"scorer/{name}": array for name, array in scored.items()}


def main(folder: Path) -> None:
    """Train, score, write."""
    torch.set_num_threads(1)
    np.savez_compressed(folder / "lifters.npz", **of_presets(folder), **scores(folder))


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
