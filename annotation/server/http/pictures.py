"""Pictures of the annotation store by HTTP GET: whole files, and thumbnails that are made once.

A picture is named by the hash of its file, so that it never changes; browsers keep what they have
and ask whether it is still there, as pictures may be deleted. The contract (`annotation.proto`)
says what may be asked for.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import grpc
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from evoskeleton.annotation.domain.rpc_errors import RpcError
from evoskeleton.annotation.serving.thread_pools import Work
from evoskeleton.annotation.store.image_files import ImageFiles, is_hash
from evoskeleton.errors import BadInput

WIDTHS = (64, 128, 256, 512, 1024)
METHOD = "/evoskeleton.v1.AnnotationService/GetImage"
"""Whose scope a token needs."""

_KINDS = {b"\xff\xd8": "image/jpeg", b"\x89P": "image/png", b"RI": "image/webp", b"BM": "image/bmp"}
_HEADERS = {"cache-control": "private, no-cache", "vary": "authorization"}


class Pictures(NamedTuple):
    """Where pictures lie, in which threads they are looked at, and how large they may be, px."""

    files: ImageFiles
    work: Work
    most_pixels: int


def picture_route(
    pictures: Pictures,
    permit: Callable[[str, Request], Awaitable[None]],
    refuse: Callable[[RpcError], Response],
) -> Route:
    """`GET /pictures/SHA256`; refusals become answers by `refuse`."""
    return Route("/pictures/{sha256}", partial(_answered, pictures, permit, refuse))


async def _answered(
    pictures: Pictures,
    permit: Callable[[str, Request], Awaitable[None]],
    refuse: Callable[[RpcError], Response],
    request: Request,
) -> Response:
    try:
        await permit(METHOD, request)
        return await _picture(pictures, request)
    except RpcError as refused:
        return refuse(refused)
    except BadInput as error:
        return refuse(RpcError(grpc.StatusCode.INVALID_ARGUMENT, str(error)))


async def _picture(pictures: Pictures, request: Request) -> Response:
    sha256, width = request.path_params["sha256"], _width(request)
    place = pictures.files.place(sha256) if is_hash(sha256) else None
    kind = await pictures.work.reading.run(_kind, place)
    etag = f'"{sha256}-{width}"' if width else f'"{sha256}"'
    headers = _HEADERS | {"etag": etag}
    if _is_known(etag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    if not width:
        return FileResponse(str(place), headers=headers, media_type=kind)
    made = await pictures.work.decoding.run(
        pictures.files.made_thumbnail, sha256, width, pictures.most_pixels
    )
    return FileResponse(made, headers=headers, media_type="image/jpeg")


def _width(request: Request) -> int:
    """What is asked for, px; 0: the whole file."""
    text = request.query_params.get("width")
    if text is None:
        return 0
    if text not in map(str, WIDTHS):
        raise BadInput(f"width should be one of {', '.join(map(str, WIDTHS))}, got {text[:40]!r}")
    return int(text)


def _kind(place: Path | None) -> str:
    """Media type of a file.

    Raises:
        RpcError: NOT_FOUND, there is none.
    """
    try:
        if place is None:
            raise FileNotFoundError
        with place.open("rb") as file:
            return _KINDS.get(file.read(2), "application/octet-stream")
    except OSError:
        raise RpcError(grpc.StatusCode.NOT_FOUND, "there is no picture of this name") from None


def _is_known(etag: str, known: str) -> bool:
    """Whether a header if-none-match names the picture."""
    return known.strip() == "*" or etag in [
        tag.strip().removeprefix("W/") for tag in known.split(",")
    ]
