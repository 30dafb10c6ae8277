"""A real browser on a real server: photos of a made-up walker, a detector that sees that walker."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from one_walker import OneWalker
from page_browsing import BROWSERS, browser_here, photo, walker_points

from evoskeleton.lifting.bundles import shipped

TOKEN_FILE = "tokens.json"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Chromium as the machine has it; no longer than a module, as an event loop runs meanwhile."""
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright, of the extra `dev`, is not installed"
    )
    found = browser_here()
    if found is None:
        pytest.skip(f"no browser here: one of {', '.join(BROWSERS)} is needed")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=found)
        yield browser
        browser.close()


@dataclass(frozen=True)
class Annotating:
    """A server with a project of photos, and how to open its page."""

    served: Any
    store: Any
    project: Any
    folder: Path
    tokens: dict[str, str]
    points: np.ndarray

    def address(self, name: str) -> str:
        """The page as somebody opens it."""
        return f"http://127.0.0.1:{self.served.endpoint.http_port}/#token={self.tokens[name]}"

    def newest(self, image_id: int) -> Any:
        """Newest revision of an image."""
        return self.store.revision(image_id, None)


@pytest.fixture
def annotating(
    tmp_path: Path, motion: np.ndarray, serve_here: Callable[..., Any]
) -> Callable[..., Any]:
    """Starts a server with so many photos of a project with a keypoint schema."""
    pytest.importorskip("sqlalchemy", reason="the extra `serve` is not installed")
    from evoskeleton.annotation.server.tokens import Tokens
    from evoskeleton.annotation.serving.champions import BundleSource
    from evoskeleton.annotation.serving.detection_queue import ServedDetector
    from evoskeleton.annotation.store.annotation_store import store_in
    from evoskeleton.annotation.store.image_files import checked_picture

    @contextmanager
    def start(photos: int = 2, keypoints: str = "human36m", detector: Any = True) -> Iterator[Any]:
        folder = tmp_path / "annotations"
        store = store_in(folder, None)
        points = walker_points(motion[10])
        project = store.make_project("street", keypoints)
        for number in range(photos):
            picture = checked_picture(photo(points, number), "x", 40_000_000)
            store.add_image(project.id, f"{number}.png", picture)
        tokens = Tokens(folder / TOKEN_FILE)
        made = {
            "ann": tokens.add("ann", ["annotate"]),
            "eve": tokens.add("eve", ["admin", "annotate"]),
        }
        seer = OneWalker(points) if detector is True else detector
        walker = ServedDetector(seer, "one walker", "1", "1" * 64) if seer else None
        options = {"annotations": folder, "tokens": folder / TOKEN_FILE}
        with serve_here(
            BundleSource(shipped()),
            walker,
            http_address="127.0.0.1:0",
            **options,
        ) as served:
            yield Annotating(served, store, project, folder, made, points)
        store.close()

    return start
