"""`evoskeleton serve` and `evoskeleton token`: heavy packages are imported when they run."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evoskeleton.annotation.server.settings import ServeSettings
from evoskeleton.commands.given.named_detectors import HELP, detector_registry, registered
from evoskeleton.commands.given.settings_as_options import Given, with_options
from evoskeleton.commands.options import CAMPAIGNS, Changes, Home, TrackingUri
from evoskeleton.console.terminal import print_rows
from evoskeleton.errors import BadInput
from evoskeleton.extras import require
from evoskeleton.settings import with_changes
from evoskeleton.settings_environment import from_environment

if TYPE_CHECKING:
    from evoskeleton.annotation.server.endpoint import Endpoint
    from evoskeleton.annotation.serving.champions import ChampionSource
    from evoskeleton.annotation.serving.detection_queue import ServedDetector

tokens = typer.Typer(no_args_is_help=True, help="Say who may call the endpoint.")

TokenFile = Annotated[Path, typer.Option("--tokens", help="file of token names, scopes and hashes")]
TOKENS = Path("tokens.json")


OPTIONS = (
    "address",
    "http_address",
    "http_folder",
    "annotations",
    "annotations_url",
    "tls_cert",
    "tls_key",
    "tokens",
    "metrics_address",
)
"""Settings that are options of their own; `--set` takes all."""


@with_options(ServeSettings, OPTIONS)
def serve(
    given: Given,
    bundle: Annotated[
        Path | None,
        typer.Option(
            help="bundle to serve, without MLflow: folder or a file in it, or one of the package"
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="name of a registered model; none: the only one there is")
    ] = None,
    home: Home = CAMPAIGNS,
    tracking_uri: TrackingUri = None,
    detector: Annotated[
        str,
        typer.Option(help=f"for calls with pictures: {HELP}"),
    ] = "blazepose",
    no_detector: Annotated[
        bool,
        typer.Option(
            "--no-detector",
            help="load no detector: calls with keypoints are answered, none with pictures",
        ),
    ] = False,
    wait_for_champion: Annotated[
        bool,
        typer.Option(
            "--wait-for-champion",
            help="start although there is no champion yet, and be ready when there is one",
        ),
    ] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="start nothing: ask the server at --address whether it takes calls; "
            "exit code 0: it does, 1: it does not",
        ),
    ] = False,
    change: Changes = None,
) -> None:
    """Serve the champion, or a bundle, over gRPC until SIGTERM or Ctrl-C.

    Where nothing is registered, that is the lifter of the package, until something is.
    """
    check_installed(_CHECKS if check else _PACKAGES)
    settings = _settings(given, change or [])
    if check:
        return _check(settings)
    source = champion_source(bundle, model, home, tracking_uri, wait_for_champion)

    def found() -> "ServedDetector | None":
        return None if no_detector else detector_named(detector, home, tracking_uri)

    asyncio.run(_serve(settings, source, found, wait_for_champion))


def _check(settings: ServeSettings) -> None:
    from evoskeleton.annotation.client.health import problem_of

    if problem := problem_of(settings.address, settings.tls_cert):
        typer.echo(f"evoskeleton: {problem}", err=True)
        raise typer.Exit(1)


def _settings(given: Given, changes: list[str]) -> ServeSettings:
    """EVOSKELETON_SERVE__NAME counts where the option of that name was left at its default."""
    fields = ServeSettings.model_fields
    asked = {name: value for name, value in given.items() if value != fields[name].default}
    said = {**from_environment("EVOSKELETON_SERVE__", list(fields)), **asked}
    return ServeSettings.parse(with_changes(said, changes))


async def _serve(
    settings: ServeSettings,
    source: "ChampionSource",
    detector: "Callable[[], ServedDetector | None]",
    wait: bool,
) -> None:
    from evoskeleton.annotation.server.endpoint import Endpoint, run
    from evoskeleton.annotation.server.limits.file_limit import raise_file_limit
    from evoskeleton.annotation.server.limits.leftovers import remove_leftovers
    from evoskeleton.annotation.server.limits.memory import keep_little
    from evoskeleton.annotation.server.telemetry import log_to_standard_error
    from evoskeleton.annotation.server.tls import check_closed
    from evoskeleton.annotation.serving.champions import Champions

    check_closed(settings)
    keep_little()
    champions = Champions(source, wait)
    endpoint = Endpoint(settings, champions, detector())
    log_to_standard_error()
    raise_file_limit(settings.most_connections)
    remove_leftovers()
    await run(endpoint, _say_started)


def _say_started(endpoint: "Endpoint") -> None:
    others = {"HTTP": endpoint.http_port, "metrics": endpoint.metrics_port}
    beside = "".join(f", {name} on port {port}" for name, port in others.items() if port)
    typer.echo(f"serving {endpoint.champion_name} on port {endpoint.port}{beside}")


def champion_source(
    bundle: Path | None, model: str | None, home: str, tracking_uri: str | None, wait: bool
) -> "ChampionSource":
    """Where the champion comes from; whoever waits for one gets none of the package meanwhile.

    Raises:
        BadInput: a bundle and a model are named.
    """
    from evoskeleton.annotation.serving.champions import BundleSource, RegistrySource
    from evoskeleton.lifting.bundles import bundle_folder, shipped

    if bundle is not None:
        if model or tracking_uri:
            raise BadInput("--bundle serves a folder: leave out --model and --tracking-uri")
        return BundleSource(bundle_folder(bundle))
    from evoskeleton.platform.record.registry import Registry
    from evoskeleton.platform.record.tracking import TrackingSettings

    registry = Registry(TrackingSettings.parse({"uri": tracking_uri}), home)
    return RegistrySource(registry, model, otherwise=None if wait else BundleSource(shipped()))


def detector_named(
    name: str, home: str = CAMPAIGNS, uri: str | None = None
) -> "ServedDetector | None":
    """A detector by name; without the embedded one, keypoints are still served."""
    from evoskeleton.annotation.serving.detection_queue import blazepose, own_detector
    from evoskeleton.pose2d.detectors import is_folder

    if (asked := registered(name)) is not None:
        from evoskeleton.annotation.serving.trained_detectors import registered_detector

        return registered_detector(detector_registry(home, uri), *asked)
    if is_folder(name):
        from evoskeleton.annotation.serving.trained_detectors import trained_detector

        return trained_detector(name)
    if name != "blazepose":
        return own_detector(name)
    try:
        return blazepose()
    except BadInput as error:
        typer.echo(f"no pictures are taken: {error}", err=True)
        return None


_PACKAGES = (
    "alembic",
    "grpc",
    "grpc_health",
    "grpc_reflection",
    "pg8000",
    "prometheus_client",
    "sqlalchemy",
    "starlette",
    "uvicorn",
)
"""What the extra `serve` brings, as imported."""


_CHECKS = ("grpc", "grpc_health")
"""What a question to a server needs, which should not take a second of processor time."""


def check_installed(modules: Sequence[str] = _PACKAGES) -> None:
    """The extra `serve` is there.

    Raises:
        BadInput: a package of it is not.
    """
    for module in modules:
        require(
            module,
            "the endpoint needs {}, which is not installed; try pip install 'evoskeleton[serve]'",
        )


@tokens.command("add")
def token_add(
    name: Annotated[str, typer.Argument(help="whose token it is")],
    scope: Annotated[list[str], typer.Option(help="infer, annotate or admin, may be repeated")],
    file: TokenFile = TOKENS,
    days: Annotated[
        float | None, typer.Option(help="days after which it expires; none: never")
    ] = None,
) -> None:
    """Make a token and print it, once: the file holds only its hash."""
    check_installed()
    from evoskeleton.annotation.server.tokens import Tokens

    typer.echo(Tokens(file).add(name, scope, days))


@tokens.command("list")
def token_list(file: TokenFile = TOKENS) -> None:
    """List names, scopes and dates of all tokens."""
    check_installed()
    from evoskeleton.annotation.server.tokens import Tokens

    rows = [
        (token.name, ", ".join(token.scopes), token.created, token.expires or "never")
        for token in Tokens(file).list()
    ]
    print_rows(("token", "scopes", "created", "expires"), rows)


@tokens.command("revoke")
def token_revoke(
    name: Annotated[str, typer.Argument(help="whose token it is")], file: TokenFile = TOKENS
) -> None:
    """Take a token away; servers that run refuse it from now on."""
    check_installed()
    from evoskeleton.annotation.server.tokens import Tokens

    Tokens(file).revoke(name)
    typer.echo(f"{name} is revoked")
