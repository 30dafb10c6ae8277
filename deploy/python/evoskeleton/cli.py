"""The command line: registers what `commands/` holds, and tells a user's mistakes.

A mistake is one sentence on standard error and exit code 2. Heavy packages are imported by the
commands that need them: `data`, `lift` and `evaluate` never import Ray.
"""

import os
import sys
from typing import Annotated

import typer

import evoskeleton
from evoskeleton.commands.adapt import adapt
from evoskeleton.commands.annotate import annotate
from evoskeleton.commands.annotations import annotations
from evoskeleton.commands.campaign import campaigns, demo
from evoskeleton.commands.data import data
from evoskeleton.commands.deployment.assets import assets
from evoskeleton.commands.deployment.check import deployment
from evoskeleton.commands.examples import epilog, show_examples
from evoskeleton.commands.infer import infer
from evoskeleton.commands.lifter import evaluate, lift, train
from evoskeleton.commands.limits import limits, sample
from evoskeleton.commands.model import models
from evoskeleton.commands.pictures.detector import detectors
from evoskeleton.commands.pictures.render import render
from evoskeleton.commands.serve import serve, tokens
from evoskeleton.commands.settings import settings
from evoskeleton.commands.study import studies
from evoskeleton.console.mistakes import sentence_of
from evoskeleton.console.terminal import terminal

app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich")
for command in (
    demo,
    adapt,
    sample,
    train,
    evaluate,
    infer,
    lift,
    render,
    serve,
    annotate,
    settings,
):
    app.command()(command)
app.add_typer(campaigns, name="campaign")
app.add_typer(data, name="data")
app.add_typer(limits, name="limits")
app.add_typer(detectors, name="detector")
app.add_typer(studies, name="study")
app.add_typer(models, name="model")
app.add_typer(tokens, name="token")
app.add_typer(annotations, name="annotations")
app.add_typer(assets, name="assets")
app.add_typer(deployment, name="deploy")
show_examples(app)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"evoskeleton {evoskeleton.__version__}")
        raise typer.Exit


@app.callback(
    epilog=epilog(
        ("demo", "adapt photo.jpg walk.mp4 --output lifter", "COMMAND --help", "settings")
    )
)
def _evoskeleton(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_say_version, is_eager=True, help="print the version and leave"
        ),
    ] = False,
) -> None:
    """Breed new valid 3D human poses out of real motion, and train lifters on them.

    A lifter turns the 2D keypoints of people in photos and videos into 3D joints.
    """


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the console script."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    sys.path.insert(0, os.getcwd())
    try:
        app(arguments)
    except Exception as error:
        if (sentence := sentence_of(error)) is None:
            raise
        terminal(stderr=True, soft_wrap=True).print(f"evoskeleton: {sentence}")
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
