"""`evoskeleton settings`: what can be set, with defaults and bounds."""

import difflib
import importlib
import json
from typing import Annotated, NamedTuple

import typer

from evoskeleton.console import settings_pages
from evoskeleton.console.terminal import terminal
from evoskeleton.errors import BadInput
from evoskeleton.settings_reference import Group, filled_in, groups


class Subject(NamedTuple):
    """Something that has settings: where its class lies, and where a user gives them."""

    place: str
    given: str


SUBJECTS = {
    "campaign": Subject(
        "evoskeleton.platform.search.campaign.settings:CampaignSettings",
        "the file of `campaign run`; `--set` of `demo`, `campaign run` and `campaign resume`",
    ),
    "study": Subject(
        "evoskeleton.platform.search.study.settings:StudySettings",
        "the file of `study run`, and its `--set`",
    ),
    "source": Subject(
        "evoskeleton.platform.data.sources.settings:Source",
        "braces wherever poses are asked for, such as by `--poses`; `--set` of `data import`",
    ),
    "train": Subject("evoskeleton.lifting.lifter_training:LifterSettings", "`--set` of `train`"),
    "serve": Subject(
        "evoskeleton.annotation.server.settings:ServeSettings",
        "`--set` of `serve`; many are options of their own",
    ),
    "render": Subject(
        "evoskeleton.pose2d.rendering.settings:RenderSettings",
        "`--set` of `render`; some are options of their own",
    ),
    "radii": Subject(
        "evoskeleton.lifting.conformal:RadiusSettings", "`calibrate`, in Python; in campaigns"
    ),
    "pose-fit": Subject(
        "evoskeleton.lifting.model_fit.pose_fit:PoseFitSettings", "`fit_poses`, in Python"
    ),
    "limits": Subject(
        "evoskeleton.evolution.limits.fitting:LimitSettings", "`fit_tables`, in Python"
    ),
    "sample": Subject(
        "evoskeleton.evolution.limits.sampling:SampleSettings", "`sample`, in Python"
    ),
    "film": Subject("evoskeleton.pose2d.people.settings:FilmSettings", "`--set` of `infer`"),
    "detector": Subject(
        "evoskeleton.pose2d.blazepose:BlazePoseSettings", "`--detector-set` of `infer`"
    ),
    "trained-detector": Subject(
        "evoskeleton.pose2d.heatmap.heatmap_detector:HeatmapDetectorSettings",
        "`--detector-set` of `infer`, where `--detector` is a folder",
    ),
    "detector-training": Subject(
        "evoskeleton.pose2d.training.settings:DetectorTrainingSettings",
        "`--set` of `detector train`",
    ),
    "tracking": Subject(
        "evoskeleton.pose2d.tracking:PeopleTrackingSettings", "`PeopleTracker`, in Python"
    ),
    "call": Subject("evoskeleton.annotation.client.client:CallSettings", "`Client`, in Python"),
}
"""All that has settings; those of a command first."""


def settings(
    subject: Annotated[
        str | None, typer.Argument(help=f"{', '.join(SUBJECTS)}; none: a list of them")
    ] = None,
    group: Annotated[
        str | None, typer.Argument(help="group or setting by its dotted name; none: all")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
    as_markdown: Annotated[
        bool, typer.Option("--markdown", help="print Markdown, such as docs/settings.md")
    ] = False,
) -> None:
    """Show what can be set: names, types, defaults, bounds, and what each setting does."""
    if subject is None:
        typer.echo(_everything(as_json, as_markdown), nl=False)
        return
    shown = _within(_groups(subject), subject, group)
    if as_json:
        typer.echo(json.dumps(settings_pages.data(shown), indent=1))
    elif as_markdown:
        typer.echo(settings_pages.markdown(shown), nl=False)
    elif terminal().is_terminal:
        for table in settings_pages.tables(shown):
            terminal().print(table)
    else:
        typer.echo(settings_pages.plain(shown), nl=False)


def reference() -> str:
    """The whole reference as a page of Markdown: docs/settings.md."""
    head = (
        "# Settings\n\n"
        "Every setting there is, as `evoskeleton settings` prints it. This page is written by "
        "`evoskeleton settings --markdown > docs/settings.md`.\n\n"
        "A dotted name is given as `--set NAME=VALUE`, or as nested groups in a settings file; "
        "values are YAML. `*` stands for a place in a list (0, 1, ...) or for a name of your own. "
        "A setting of type `group` holds the settings of the section of its name; where a group "
        "may be none, its settings count once it is given.\n\n"
        "The settings of `serve`, and of a campaign `machine`, `tracking`, `home` and "
        "`storage_options`, are also read from the environment, below `--set` and above a file: "
        "`EVOSKELETON_MACHINE__WORKERS`, `EVOSKELETON_SERVE__TLS_CERT`. A name with `_FILE` at its "
        "end holds the path of a file with the value: so secrets stay off command lines. What the "
        "environment says of a campaign is not written into its folder.\n"
    )
    parts = [head]
    for subject, (_, given) in SUBJECTS.items():
        parts += [
            f"\n## {subject}\n\nGiven in {given}.\n",
            settings_pages.markdown(_groups(subject)),
        ]
    return "\n".join(parts)


def _everything(as_json: bool, as_markdown: bool) -> str:
    if as_markdown:
        return reference()
    if as_json:
        pages = {subject: settings_pages.data(_groups(subject)) for subject in SUBJECTS}
        return json.dumps(pages, indent=1) + "\n"
    width = max(map(len, SUBJECTS))
    lines = [f"{subject:{width}s}  {given}" for subject, (_, given) in SUBJECTS.items()]
    return "\n".join([*lines, "", "evoskeleton settings NAME [GROUP] shows them."]) + "\n"


def _groups(subject: str) -> list[Group]:
    if subject not in SUBJECTS:
        near = difflib.get_close_matches(subject, SUBJECTS, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise BadInput(f"there are no settings of {subject}, but of {', '.join(SUBJECTS)}{hint}")
    return groups(_model(subject))


def _model(subject: str) -> object:
    """A settings class, or a union of several."""
    module, _, name = SUBJECTS[subject].place.partition(":")
    return getattr(importlib.import_module(module), name)


def _within(known: list[Group], subject: str, name: str | None) -> list[Group]:
    """A group with those inside it, or the one setting of that name."""
    if name is None:
        return known
    place = name.split(".")
    inside = [group for group in known if f"{filled_in(group.name, place)}.".startswith(f"{name}.")]
    exact = any(filled_in(group.name, place) == name for group in inside)
    rows = [
        Group(group.name, group.title, (setting,), group.models)
        for group in known
        for setting in group.settings
        if filled_in(setting.name, place) == name and not exact
    ]
    if not rows + inside:
        _refuse_unknown(known, subject, name)
    return rows + inside


def _refuse_unknown(known: list[Group], subject: str, name: str) -> None:
    place = name.split(".")
    names = [group.name for group in known if group.name]
    names += [setting.name for group in known for setting in group.settings]
    names = [filled_in(each, place) for each in names]
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise BadInput(f"the settings of {subject} have no group {name}{hint}")
