"""How the endpoint is served."""

from pathlib import Path

from pydantic import Field

from evoskeleton.settings import Settings

SERVE_ADDRESS = "127.0.0.1:50051"
METRICS_ADDRESS = "127.0.0.1:9464"

PROBE_SECONDS = 3.0
"""After which a question whether the server is ready counts as not answered."""


class ServeSettings(Settings):
    """Addresses, who may call, and how much is taken in."""

    address: str = Field(
        SERVE_ADDRESS,
        description="host:port that calls come to (port 0: any); "
        "other than loopback needs TLS and tokens",
    )
    metrics_address: str | None = Field(
        METRICS_ADDRESS,
        description="host:port of the Prometheus metrics, /livez and /readyz; "
        "none, or empty: no metrics",
    )
    http_address: str | None = Field(
        None, description="host:port of HTTP for browsers; none: no HTTP"
    )
    http_folder: Path | None = Field(
        None,
        description="folder of files that HTTP serves beside the calls; "
        "none: the annotator's page, with annotations",
    )
    annotations: Path | None = Field(
        None, description="folder of annotations and their images; none: nothing is annotated"
    )
    annotations_url: str | None = Field(
        None,
        repr=False,
        description="database of the annotations, postgresql://USER@HOST/DATABASE; "
        "none: SQLite in their folder",
    )
    http_hosts: tuple[str, ...] = Field(
        (),
        description="names by which HTTP may be called off loopback, such as pose.example; "
        "none: any name",
    )
    http_origins: tuple[str, ...] = Field(
        (),
        description="web pages of other servers that may call, such as https://annotator.example",
    )
    tls_cert: Path | None = Field(None, description="PEM file of the server's certificate chain")
    tls_key: Path | None = Field(None, description="PEM file of its private key")
    tokens: Path | None = Field(
        None,
        description="file of tokens that `evoskeleton token add` wrote; none: no call needs one",
    )
    most_poses: int = Field(4096, ge=1, description="most poses of a request")
    most_pixels: int = Field(
        40_000_000, ge=1, description="most pixels of a picture, width times height"
    )
    most_message_bytes: int = Field(16 << 20, ge=4096, description="largest request, bytes")
    most_calls: int = Field(
        512, ge=1, description="most calls at a time; more are told to come back"
    )
    most_connections: int = Field(
        2000,
        ge=1,
        description="most connections at a time, over gRPC and over HTTP; more are closed",
    )
    most_queued_poses: int = Field(8192, ge=1, description="most poses that wait for the lifter")
    most_queued_pictures: int = Field(
        32, ge=1, description="most pictures that wait for the detector"
    )
    batch_poses: int = Field(1024, ge=1, description="most poses that are lifted together")
    picture_threads: int = Field(
        1, ge=1, description="pictures in which people are looked for at a time"
    )
    refresh_seconds: float = Field(
        10.0, gt=0, description="seconds between two looks for a new champion"
    )
    max_connection_age_seconds: float | None = Field(
        None,
        gt=0,
        description="seconds after which a client is asked to connect anew, by which new servers "
        "get their share; its running calls come to their end; none: never",
    )
    drain_seconds: float = Field(
        20.0,
        ge=0,
        description="seconds that calls have to end after SIGTERM before they are cut off",
    )
