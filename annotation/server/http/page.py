"""The files of the annotator's page, with headers that let nothing else in.

The page runs scripts of this server alone, none that stand in its text, and makes no request to
anybody else (Content Security Policy with Trusted Types, https://www.w3.org/TR/CSP3/). Its files
lie in `annotation/web` as they are served: nothing is built.
"""

import mimetypes
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

PAGE = Path(__file__).resolve().parents[2] / "web"

_POLICY = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)
HEADERS = {
    "content-security-policy": "; ".join(_POLICY),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-cache",
}

_TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".html": "text/html",
}
"""Said here, because `mimetypes` may believe a registry of the machine that knows better."""


class PageFiles(StaticFiles):
    """The page's own files; those of another folder are served without these headers."""

    def __init__(self) -> None:
        for ending, kind in _TYPES.items():
            mimetypes.add_type(kind, ending)
        super().__init__(directory=PAGE, html=True)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """A file, or Starlette's refusal."""
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response
