"""`evoskeleton adapt`: a lifter for the people in given photos, videos or keypoints."""

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evoskeleton.commands.given.named_detectors import HELP, loader
from evoskeleton.commands.options import (
    CAMPAIGNS,
    Address,
    Changes,
    Home,
    Overwrite,
    monitor_of_campaign,
    refuse_taken,
    show_page,
)
from evoskeleton.console.terminal import terminal
from evoskeleton.errors import STOPPED, BadInput
from evoskeleton.files import whole_file

if TYPE_CHECKING:
    import numpy as np

    from evoskeleton.console.bars import Bars
    from evoskeleton.console.log_lines import LogLines
    from evoskeleton.platform.record.explanations import Explanation
    from evoskeleton.platform.search.adapting.adapt import Adapted


def adapt(
    people: Annotated[
        list[Path],
        typer.Argument(
            help="photos, videos, files of 2D keypoints, folders of them, annotation projects"
        ),
    ],
    output: Annotated[Path, typer.Option(help="new folder for the lifter's bundle")],
    seeds: Annotated[
        str | None,
        typer.Option(
            help="real poses to breed from, as of `train --poses`; none: those of the package"
        ),
    ] = None,
    generations: Annotated[
        int | None, typer.Option(min=1, help="generations to breed; more later go on from there")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.0, help="end after about so long; none: when all is bred")
    ] = None,
    change: Changes = None,
    detector: Annotated[str, typer.Option(help=f"of people in pictures: {HELP}")] = "blazepose",
    name: Annotated[
        str | None, typer.Option(help="name of the campaign; none: that of the output folder")
    ] = None,
    home: Home = CAMPAIGNS,
    address: Address = None,
    overwrite: Overwrite = False,
) -> None:
    """Evolve towards the people in photos, videos or keypoints, and train a lifter for them.

    It is a campaign: the same line goes on where it was stopped.
    """
    from evoskeleton.commands.given.target_readers import count_pictures, target_readers
    from evoskeleton.lifting.bundle_training import expect_room
    from evoskeleton.platform.search.adapting.adapt import adapt as run

    until = float("inf") if minutes is None else time.monotonic() + 60.0 * minutes
    expect_room(output, overwrite)
    refuse_taken(overwrite, _worst_file(output))
    changes = _changes(people, seeds, generations, change or [], address)
    with _going_on(output) as monitor:
        monitor.will_look_at(count_pictures(people))
        readers = target_readers(
            detector, seen=monitor.looked_at, load=loader(home, _store(changes))
        )
        adapted = run(home, name or _name(output), changes, monitor, readers, until)
    _write(adapted, output, overwrite)
    _show(adapted, output)


def _changes(
    people: list[Path],
    seeds: str | None,
    generations: int | None,
    change: list[str],
    address: str | None,
) -> list[str]:
    """What the command line asks for, as settings of a campaign."""
    from evoskeleton.platform.data.sources.load import settings_from_text

    named = [os.path.abspath(path.expanduser()) for path in people]
    changes = [f"search.target.keypoints={json.dumps(named)}"]
    if seeds is not None:
        source = settings_from_text(seeds).model_dump(mode="json")
        changes.append(f"motion.seed={json.dumps(source)}")
    changes += [f"search.generations={generations}"] if generations is not None else []
    changes += [f"machine.address={address}"] if address else []
    return changes + change


def _store(changes: list[str]) -> str | None:
    """The MLflow store that the campaign is told to use; none: that of its home."""
    said = dict(change.split("=", 1) for change in changes if "=" in change)
    return said.get("tracking.uri")


def _name(output: Path) -> str:
    """A campaign's name out of that of a folder."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", output.resolve().name).lstrip("._-")
    if not name:
        raise BadInput(f"{output} makes no name for a campaign: --name gives it one")
    return name


@contextmanager
def _going_on(output: Path) -> Iterator["Bars | LogLines"]:
    """Bars that Ctrl-C stops with a word on how to go on."""
    try:
        with monitor_of_campaign() as monitor:
            yield monitor
    except KeyboardInterrupt:
        typer.echo(f"stopped, {output} is not written; the same line goes on", err=True)
        raise typer.Exit(STOPPED) from None


def _write(adapted: "Adapted", output: Path, overwrite: bool) -> None:
    """The bundle, and beside it what is explained worst."""
    from evoskeleton.lifting.bundle_training import new_bundle
    from evoskeleton.platform.record.explanations import explanations_figure

    with new_bundle(output, overwrite) as folder:
        shutil.copytree(adapted.bundle, folder, dirs_exist_ok=True)
    worst = adapted.explained.worst
    figure = explanations_figure(worst, [_picture(each) for each in worst])
    with whole_file(_worst_file(output)) as file:
        figure.savefig(file, format="png", dpi=100)


def _worst_file(output: Path) -> Path:
    output = output.resolve()
    return output.with_name(f"{output.name}_worst_explained.png")


def _picture(explanation: "Explanation") -> "np.ndarray | None":
    """The photo, or the frame of a video; none where there is none, or it is gone."""
    from evoskeleton.pose2d.images import read_image
    from evoskeleton.pose2d.videos import is_video, read_video

    path = Path(explanation.picture)
    if not explanation.picture or not path.is_file():
        return None
    if not is_video(path):
        return read_image(path)
    frames = (frame.image for frame in read_video(path) if frame.number == explanation.frame)
    return next(frames, None)


def _show(adapted: "Adapted", output: Path) -> None:
    from evoskeleton.console.adapted import adapted_table

    terminal().print(adapted_table(adapted.explained))
    typer.echo(f"lifter: {output}, to use as `evoskeleton infer PHOTO --model {output}`")
    typer.echo(f"explained worst: {_worst_file(output)}")
    show_page(adapted.how_to_open)
