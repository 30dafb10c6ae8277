"""`evoskeleton serve` and `evoskeleton token`: heavy packages are imported when they run."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from evoskeleton.errors import BadInput

if TYPE_CHECKING:
    from evoskeleton.annotation.server.endpoint import Endpoint
    from evoskeleton.annotation.server.settings import ServeSettings
    from evoskeleton.annotation.serving.champions import ChampionSource
    from evoskeleton.annotation.serving.detection_queue import ServedDetector

tokens = typer.Typer(no_args_is_help=True, help="Who may call the endpoint.")

TokenFile = Annotated[Path, typer.Option("--tokens", help="file of token names, scopes and hashes")]
TOKENS = Path("tokens.json")
URL_VARIABLE = "EVOSKELETON_ANNOTATIONS_URL"
"""Names the database of annotations: its password should not stand on a command line."""


def serve(
    bundle: Annotated[
        Path | None, typer.Option(help="bundle to serve, without MLflow: folder or a file in it")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="registered model; none: the only one that there is")
    ] = None,
    home: Annotated[str, typer.Option(help="folder of campaigns and MLflow store")] = "campaigns",
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow server or database; none: that of the home")
    ] = None,
    address: Annotated[
        str, typer.Option(help="host:port; other than loopback needs TLS and tokens")
    ] = "127.0.0.1:50051",
    http_address: Annotated[
        str | None, typer.Option(help="host:port of HTTP for browsers; none: no HTTP")
    ] = None,
    http_folder: Annotated[
        Path | None, typer.Option(help="files that HTTP serves beside the calls")
    ] = None,
    annotations: Annotated[
        Path | None,
        typer.Option(help="folder of annotations and their images; none: nothing is annotated"),
    ] = None,
    annotations_url: Annotated[
        str | None,
        typer.Option(
            envvar=URL_VARIABLE,
            show_envvar=True,
            help="postgresql://USER@HOST/DATABASE of the annotations; none: SQLite in their folder",
        ),
    ] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM file, the server's chain")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file, its private key")] = None,
    token_file: Annotated[
        Path | None, typer.Option("--tokens", help="file of `evoskeleton token add`")
    ] = None,
    metrics_address: Annotated[
        str, typer.Option(help="host:port of the Prometheus metrics; empty: none")
    ] = "127.0.0.1:9464",
    detector: Annotated[
        str, typer.Option(help="for calls with pictures: blazepose, or module:Name of your own")
    ] = "blazepose",
    no_detector: Annotated[
        bool, typer.Option("--no-detector", help="load none: keypoints are served, not pictures")
    ] = False,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="key=value, may be repeated")
    ] = None,
) -> None:
    """Serve the champion over gRPC until SIGTERM or Ctrl-C."""
    check_installed()
    from evoskeleton.annotation.server.settings import ServeSettings
    from evoskeleton.settings import with_changes

    given = {
        "address": address,
        "http_address": http_address,
        "http_folder": http_folder,
        "annotations": annotations,
        "annotations_url": annotations_url if annotations else None,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "tokens": token_file,
        "metrics_address": metrics_address or None,
    }
    settings = ServeSettings.parse(with_changes(given, change or []))
    asyncio.run(
        _serve(
            settings, _source(bundle, model, home, tracking_uri), "" if no_detector else detector
        )
    )


async def _serve(settings: "ServeSettings", source: "ChampionSource", detector: str | None) -> None:
    from evoskeleton.annotation.server.endpoint import Endpoint, run
    from evoskeleton.annotation.server.telemetry import log_to_standard_error
    from evoskeleton.annotation.server.tls import check_closed
    from evoskeleton.annotation.serving.champions import Champions

    check_closed(settings)
    champions = Champions(source)
    endpoint = Endpoint(settings, champions, _detector(detector) if detector else None)
    log_to_standard_error()
    await run(endpoint, _say_started)


def _say_started(endpoint: "Endpoint") -> None:
    others = {"HTTP": endpoint.http_port, "metrics": endpoint.metrics_port}
    beside = "".join(f", {name} on port {port}" for name, port in others.items() if port)
    typer.echo(f"serving {endpoint.champion_name} on port {endpoint.port}{beside}")


def _source(
    bundle: Path | None, model: str | None, home: str, tracking_uri: str | None
) -> "ChampionSource":
    from evoskeleton.annotation.serving.champions import FolderSource, RegistrySource

    if bundle is not None:
        if model or tracking_uri:
            raise BadInput("--bundle serves a folder: leave out --model and --tracking-uri")
        return FolderSource(bundle)
    from evoskeleton.platform.record.registry import Registry
    from evoskeleton.platform.record.tracking import TrackingSettings

    return RegistrySource(Registry(TrackingSettings.parse({"uri": tracking_uri}), home), model)


def _detector(name: str) -> "ServedDetector | None":
    """A detector by name; without the embedded one, keypoints are still served."""
    from evoskeleton.annotation.serving.detection_queue import blazepose, own_detector

    if name != "blazepose":
        return own_detector(name)
    try:
        return blazepose()
    except BadInput as error:
        typer.echo(f"no pictures are taken: {error}", err=True)
        return None


def check_installed() -> None:
    """The extra `serve` is there.

    Raises:
        BadInput: a package of it is not.
    """
    try:
        import alembic  # noqa: F401
        import grpc  # noqa: F401
        import grpc_health  # noqa: F401
        import grpc_reflection  # noqa: F401
        import pg8000  # noqa: F401
        import prometheus_client  # noqa: F401
        import sqlalchemy  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise BadInput(
            f"the endpoint needs {error.name}, which is not installed; try "
            "pip install 'evoskeleton[serve]'"
        ) from None


@tokens.command("add")
def token_add(
    name: Annotated[str, typer.Argument(help="whose token it is")],
    scope: Annotated[list[str], typer.Option(help="infer, annotate or admin, may be repeated")],
    file: TokenFile = TOKENS,
) -> None:
    """Make a token and print it, once: the file holds only its hash."""
    check_installed()
    from evoskeleton.annotation.server.tokens import Tokens

    typer.echo(Tokens(file).add(name, scope))


@tokens.command("list")
def token_list(file: TokenFile = TOKENS) -> None:
    """Names, scopes and dates of all tokens."""
    check_installed()
    from evoskeleton.annotation.server.tokens import Tokens

    table = Table("token", "scopes", "created")
    for token in Tokens(file).list():
        table.add_row(token.name, ", ".join(token.scopes), token.created)
    Console().print(table)


@tokens.command("revoke")
def token_revoke(name: str, file: TokenFile = TOKENS) -> None:
    """Take a token away; servers that run refuse it from now on."""
    check_installed()
    from evoskeleton.annotation.server.tokens import Tokens

    Tokens(file).revoke(name)
    typer.echo(f"{name} is revoked")
