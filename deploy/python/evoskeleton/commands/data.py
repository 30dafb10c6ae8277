"""`evoskeleton data`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from evoskeleton.commands.options import (
    CAMPAIGNS,
    Changes,
    FullConfidence,
    Home,
    Normalised,
    Overwrite,
    PictureSize,
    Points,
    Source,
    Threshold,
    busy,
    counted,
    declarations,
    poses_of,
    refuse_taken,
    table_in,
)
from evoskeleton.errors import BadInput
from evoskeleton.files import write_text

data = typer.Typer(
    no_args_is_help=True, help="Read and write poses of your own, and look into the pose table."
)


@data.command("info")
def data_info(
    table: Annotated[
        str | None, typer.Argument(help="URI of a pose table; none: that of the home")
    ] = None,
    home: Home = CAMPAIGNS,
    version: Annotated[int | None, typer.Option(help="table version; none: the newest")] = None,
) -> None:
    """Show what a pose table holds, as JSON."""
    from evoskeleton.platform.data.pose_table import PoseTable

    there = PoseTable.open(table or table_in(home))
    typer.echo(json.dumps(there.info(version), indent=1))


@data.command("import")
def data_import(
    sources: Annotated[list[str], typer.Argument(help="files, folders, or settings in braces")],
    output: Annotated[Path, typer.Option(help="Parquet file")],
    change: Changes = None,
    append: Annotated[bool, typer.Option("--append", help="add to a file that is there")] = False,
    units: Annotated[
        str | None, typer.Option(help="mm, cm, m, inch, or millimetres for one unit of the file")
    ] = None,
    up: Annotated[str | None, typer.Option(help="axis that points up: x, y or z")] = None,
    skeleton: Annotated[
        str | None,
        typer.Option(help="ASF that goes with AMC or BVH, body model that goes with AMASS"),
    ] = None,
    fps: Annotated[
        float | None, typer.Option(help="frames a second to keep, or to resample to")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="frames a second of files that do not say, such as AMC")
    ] = None,
    swap_sides: Annotated[
        bool,
        typer.Option("--swap-sides", help="take left for right, where a file has them swapped"),
    ] = False,
    subject_from: Annotated[
        str | None,
        typer.Option(help="rule for subjects: folder, or a pattern of names as {action}_{subject}"),
    ] = None,
    licence: Annotated[
        str | None, typer.Option(help="under which the poses may be used; kept with them")
    ] = None,
    acknowledgement: Annotated[
        str | None, typer.Option(help="what whoever recorded them asks to be said; kept with them")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="picture of three frames, PNG")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Read files of any known format into one Parquet file, and report what was read.

    Known are BVH, ASF/AMC, TRC, C3D, AMASS (with a body model of yours), 3DPW, CMU Panoptic,
    HumanEva and Human3.6M as VideoPose3D or EvoSkeleton keep them, MPI-INF-3DHP, plain arrays,
    Parquet, folders of these.
    """
    from evoskeleton.platform.data.exchange import import_poses
    from evoskeleton.platform.data.formats.parquet import kept_rate
    from evoskeleton.platform.data.import_report import draw_import, report_lines, report_warnings
    from evoskeleton.platform.data.sources.load import settings_from_text
    from evoskeleton.platform.data.sources.settings import RECORDED

    if append and overwrite:
        raise BadInput("--append adds to a file and --overwrite replaces it: give one of them")
    if output.exists() and not append and not overwrite:
        raise BadInput(f"{output} is there already; --append adds to it, --overwrite replaces it")
    refuse_taken(overwrite, figure)
    given = {"units": units, "up": up, "skeleton": skeleton, "fps": fps, "rate": rate}
    given |= {"subject_from": json.dumps(subject_from) if subject_from else None}
    given |= {"swap_sides": swap_sides or None}
    terms = {"licence": licence, "acknowledgement": acknowledgement}
    given |= {name: json.dumps(text) for name, text in terms.items() if text}
    changes = [f"{name}={value}" for name, value in given.items() if value is not None]
    read = [settings_from_text(text, changes + (change or [])) for text in sources]
    with busy("reading"):
        added = import_poses(read, output, append, overwrite)
    typer.echo(f"{output}: {counted(added)}")
    for line in report_lines(added, kept_rate(output)):
        typer.echo(line)
    _ask_for_licences(output)
    if any(source.kind not in RECORDED for source in read):
        for line in report_warnings(added):
            typer.echo(f"{output}: {line}", err=True)
    if figure is not None:
        draw_import(added, figure)


def _ask_for_licences(output: Path) -> None:
    """Say which sources came without a licence; nobody can guess it."""
    from evoskeleton.platform.data.sources.origins import origins_in

    if unknown := [origin.name for origin in origins_in(output) if not origin.licence]:
        typer.echo(
            f"{output}: nobody has said under which licence {', '.join(unknown)} may be used: "
            "--licence does; what is bred from it cannot be published without",
            err=True,
        )


@data.command("export")
def data_export(
    poses: Source,
    output: Annotated[Path, typer.Option(help="file to write")],
    kind: Annotated[
        str, typer.Option("--format", help="parquet, human36m, videopose3d, bvh, trc or c3d")
    ],
    pseudo_subjects: Annotated[
        bool, typer.Option("--pseudo-subjects", help="give numbers to subjects that have none")
    ] = False,
    rate: Annotated[
        float | None, typer.Option(min=1e-3, help="frames a second; none: as the file keeps it")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write poses as a Parquet file, the dictionary of EvoSkeleton, or VideoPose3D's arrays.

    Or as files of motion: bvh, trc, c3d. Of several clips the output is a folder with a file each.
    """
    from evoskeleton.platform.data.exchange import FORMATS, export_poses
    from evoskeleton.platform.data.sources.file_kinds import declared_rate

    if kind not in FORMATS:
        raise BadInput(f"--format should be one of {', '.join(FORMATS)}, got {kind}")
    if not output.is_dir():
        refuse_taken(overwrite, output)
    known = poses_of(poses)
    kept = rate or (declared_rate(Path(poses)) if Path(poses).is_file() else None)
    numbers = export_poses(known, output, kind, pseudo_subjects, overwrite, kept)
    typer.echo(f"{output}: {counted(known)}")
    for name, number in numbers.items():
        if name not in (f"S{number}", str(number)):
            typer.echo(f"subject {name} is written as {number}")


@data.command("keypoints")
def data_keypoints(
    keypoints: Annotated[Path, typer.Argument(help="2D keypoints: a file or a folder")],
    points: Points = None,
    size: PictureSize = None,
    normalised: Normalised = False,
    full_confidence: FullConfidence = None,
    threshold: Threshold = 0.5,
    figure: Annotated[Path | None, typer.Option(help="picture of some of them, PNG")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Show what is understood of 2D keypoints, as `lift` and a target read them."""
    from evoskeleton.platform.data.target.look import draw_look, look, report_lines

    refuse_taken(overwrite, figure)
    looked = look(keypoints, declarations(points, size, normalised, full_confidence, threshold))
    for line in report_lines(looked):
        typer.echo(line)
    if figure is not None:
        draw_look(looked, figure)


Table = Annotated[str | None, typer.Argument(help="URI of a pose table; none: that of the home")]


@data.command("compact")
def data_compact(table: Table = None, home: Home = CAMPAIGNS) -> None:
    """Join the small files of a pose table; no row, order or older version changes."""
    from evoskeleton.platform.data.pose_table import PoseTable

    there = PoseTable.open(table or table_in(home))
    old, new = there.compact()
    typer.echo(f"{there.uri}: {old} files joined into {new}, version {there.version}")


@data.command("vacuum")
def data_vacuum(
    table: Table = None,
    home: Home = CAMPAIGNS,
    keep: Annotated[
        list[int] | None,
        typer.Option(help="a version that stays readable beside those of the home's trainings"),
    ] = None,
    hours: Annotated[
        int, typer.Option(min=1, help="files that came or left later than so long ago stay")
    ] = 168,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only tell what would go")] = False,
) -> None:
    """Remove the files that neither the newest version nor trainings of the home refer to."""
    from evoskeleton.platform.data.pose_table import PoseTable
    from evoskeleton.platform.search.campaign.table_versions import trained_versions

    there = PoseTable.open(table or table_in(home))
    kept = [*trained_versions(home), *(keep or [])]
    gone = there.vacuum(kept, hours, dry_run)
    typer.echo(f"{there.uri}: {len(gone)} files {'would be ' if dry_run else ''}removed")


@data.command("history")
def data_history(table: Table = None, home: Home = CAMPAIGNS) -> None:
    """Show what each version of a pose table brought, a line of JSON each, oldest first."""
    from evoskeleton.platform.data.pose_table import PoseTable

    for entry in PoseTable.open(table or table_in(home)).history():
        typer.echo(json.dumps(entry, ensure_ascii=False))


@data.command("describe")
def data_describe(
    poses: Annotated[
        str, typer.Argument(help="poses: a pose table, a file or folder of a known format")
    ],
    against: Annotated[
        str | None, typer.Option(help="other poses, such as the seeds: what is covered of them")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="HTML file: the same with figures; none: numbers alone")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Say what a set of poses holds: builds, directions of limbs, rarity, duplicates, as JSON."""
    from evoskeleton.platform.search.sharing.describe import described

    refuse_taken(overwrite, output)
    with busy("measuring"):
        known, other = poses_of(poses), None if against is None else poses_of(against)
        numbers = described(known, other)
        if output is not None:
            from evoskeleton.platform.search.sharing.described_page import described_page

            write_text(output, described_page(Path(poses).name, numbers, known, other))
    typer.echo(json.dumps(numbers, indent=1))


@data.command("view")
def data_view(
    poses: Annotated[
        str, typer.Argument(help="a pose table, or a file or folder of a known format")
    ],
    output: Annotated[Path, typer.Option(help="HTML file")] = Path("poses.html"),
    campaign: Annotated[str | None, typer.Option(help="of a pose table that holds several")] = None,
    limit: Annotated[int, typer.Option(min=1, help="most poses to show")] = 10_000,
    overwrite: Overwrite = False,
) -> None:
    """Write one HTML page, to be opened offline, in which poses are turned, played and traced."""
    from evoskeleton.platform.search.sharing.viewer import write_viewer

    refuse_taken(overwrite, output)
    with busy("reading"):
        shown = write_viewer(poses, output, limit, campaign)
    more = f", {shown.left_out:,} are left out" if shown.left_out else ""
    typer.echo(f"{output}: {len(shown.poses):,} poses{more}")


@data.command("publish")
def data_publish(
    campaign: Annotated[str, typer.Option(help="campaign whose poses are published")],
    licence: Annotated[str, typer.Option(help="of the data set, such as CC-BY-4.0")],
    creator: Annotated[str, typer.Option(help="who publishes it")],
    output: Annotated[Path, typer.Option(help="new folder")],
    table: Table = None,
    home: Home = CAMPAIGNS,
    acknowledgement: Annotated[
        str, typer.Option(help="what the sources of the real poses ask to be said")
    ] = "",
    source_licence: Annotated[
        str, typer.Option(help="of those real poses that came without one when they were imported")
    ] = "",
    name: Annotated[
        str | None, typer.Option(help="name of the data set; none: the campaign's")
    ] = None,
    without_seeds: Annotated[
        bool, typer.Option("--without-seeds", help="leave the real poses out")
    ] = False,
) -> None:
    """Write a campaign's poses as a data set for others, with its card and metadata.

    A folder of Parquet files that `datasets.load_dataset` reads, with a Hugging Face card,
    Croissant metadata and where everything is from; no path and no user's name is in it.
    """
    from evoskeleton.platform.search.sharing.publish import home_of, publish
    from evoskeleton.platform.search.sharing.terms import Terms

    home = home if table is None else home_of(table, campaign)
    terms = Terms(
        licence, creator, acknowledgement, name or campaign, source_licence=source_licence
    )
    with busy("writing"):
        count = publish(home, campaign, terms, output, not without_seeds)
    typer.echo(f"{output}: {count:,} poses")
