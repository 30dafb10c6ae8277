"""How the lifters of the package are made: one campaign, two trainings, their cards."""

from pathlib import Path
from typing import Any

import typer

from evoskeleton.commands.options import CAMPAIGNS, bars
from evoskeleton.commands.shipped.card import card, errors_on_test_people
from evoskeleton.errors import BadInput
from evoskeleton.files import write_json

CAMPAIGN = "shipped"
"""Name of the campaign whose rows both lifters are trained on."""


def build(
    name: str, poses: Path, output: Path, home: str, changes: list[str], overwrite: bool
) -> None:
    """Breed where that was not done yet, train, calibrate, and write the bundle with its card.

    Args:
        name: of a lifter of the package; its training is the preset of that name.
        poses: file of the CMU poses.
        output: folder of the bundle.
        home: folder of campaigns.
        changes: `key=value` settings of the training.
        overwrite: replace a bundle.

    Raises:
        BadInput: a name, a setting or a file cannot be used.
    """
    from evoskeleton.lifting.bundle import DESCRIPTION_FILE, load_bundle, read_description
    from evoskeleton.lifting.bundle_training import expect_room, new_bundle, train_bundle
    from evoskeleton.lifting.bundles import SHIPPED
    from evoskeleton.lifting.lifter_training import validate
    from evoskeleton.platform.data.sources.load import load

    if name not in SHIPPED:
        raise BadInput(f"lifter should be one of {', '.join(SHIPPED)}, got {name}")
    expect_room(output, overwrite)
    motion = _motion(poses)
    held = load(motion.validation).ordered()
    rows = _bred(home, poses)
    with new_bundle(output, overwrite) as folder:
        with bars() as monitor:
            train_bundle(
                rows, folder, name, changes, monitor.training,
                calibration=(held.poses, held.clip_number()),
            )  # fmt: skip
        words, lifter = read_description(folder), load_bundle(folder)
        words["training"]["validation"] = validate(lifter, held.poses)
        words["training"]["test"] = errors_on_test_people(lifter, poses)
        words["training"]["card"] = card(name, motion.validation.clips)
        write_json(folder / DESCRIPTION_FILE, words)
    typer.echo(f"{output}: {words['training']['validation']['mpjpe']:.1f} mm")


def _settings(poses: Path, home: str) -> Any:
    from evoskeleton.platform.search.campaign.driver import shipped_settings

    path = str(poses.expanduser().resolve())
    changes = [f"motion.seed.path={path}", f"motion.validation.path={path}"]
    return shipped_settings([*changes, f"name={CAMPAIGN}", f"home={home}"])


def _motion(poses: Path) -> Any:
    return _settings(poses, CAMPAIGNS).motion


def _bred(home: str, poses: Path) -> Any:
    """(n, 17, 3) rows of the campaign, which is run to its end where it was not."""
    from evoskeleton.platform.data.pose_table import PoseTable
    from evoskeleton.platform.search.campaign.driver import start_or_resume

    with bars() as monitor:
        start_or_resume(_settings(poses, home), monitor)
    return PoseTable.open(str(Path(home) / "poses")).poses(campaign=CAMPAIGN)
