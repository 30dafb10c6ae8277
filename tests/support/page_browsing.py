"""What tests of the annotator's page share: a photo of a made-up walker, a page, a place in it."""

import io
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from evoskeleton.evolution.skeleton import BONES, Joint
from evoskeleton.lifting.cameras import FOCAL_PX

SIZE = 1000
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def browser_here() -> str | None:
    """Where this machine has Chromium; None where it has none."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def walker_points(joints: np.ndarray) -> np.ndarray:
    """(17, 2) px of a body seen from its side, in a picture of 1000 x 1000 px."""
    side = joints[:, [1, 2]] - joints[:1, [1, 2]]
    return 500.0 + FOCAL_PX * side * np.array([1.0, -1.0]) / 4000.0


def photo(points: np.ndarray, number: int) -> bytes:
    """A drawing of the walker on a meadow, as a PNG."""
    image = Image.new("RGB", (SIZE, SIZE), (168, 196, 222))
    draw = ImageDraw.Draw(image)
    draw.rectangle([0, 520, SIZE, SIZE], fill=(132, 150 + number, 96))
    draw.ellipse([90, 330, 260, 540], fill=(86, 118, 80))
    draw.rectangle([168, 500, 182, 600], fill=(96, 74, 52))
    for start, end in BONES:
        colour, width = _CLOTHES.get(end, ((52, 78, 120), 46))
        draw.line([tuple(points[start]), tuple(points[end])], colour, width)
        for x, y in (points[start], points[end]):
            draw.ellipse([x - width / 2, y - width / 2, x + width / 2, y + width / 2], colour)
    x, y = points[Joint.HEAD]
    draw.ellipse([x - 24, y - 34, x + 26, y + 26], (214, 170, 140))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


_TROUSERS, _SLEEVES = ((58, 56, 64), 34), ((170, 66, 54), 24)
_CLOTHES = {
    **dict.fromkeys((Joint.RKNEE, Joint.LKNEE, Joint.RFOOT, Joint.LFOOT), _TROUSERS),
    **dict.fromkeys((Joint.RELBOW, Joint.LELBOW, Joint.RWRIST, Joint.LWRIST), _SLEEVES),
    **dict.fromkeys((Joint.SPINE, Joint.THORAX), ((186, 76, 60), 62)),
    **dict.fromkeys((Joint.LSHOULDER, Joint.RSHOULDER), ((186, 76, 60), 50)),
    **dict.fromkeys((Joint.NECK, Joint.HEAD), ((206, 160, 130), 24)),
}


@contextmanager
def opened(
    browser: Any, address: str, allowed: str = "Failed to load resource", **options: Any
) -> Iterator[Any]:
    """A page in a browser of its own; what goes wrong in it fails the test, but for lines of the
    console with the `allowed` words."""
    context = browser.new_context(**({"viewport": {"width": 1280, "height": 720}} | options))
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: line.type == "error" and wrong.append(line.text))
    page.goto(address)
    yield page
    context.close()
    wrong = [line for line in wrong if allowed not in line]
    assert wrong == [], wrong


def place(page: Any, point: np.ndarray) -> tuple[float, float]:
    """Where a place in the picture is in the window, while all of the picture is shown."""
    box = page.locator(".picture").bounding_box()
    scale = min(box["width"], box["height"]) / (1.02 * SIZE)
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    x, y = (at + scale * (value - SIZE / 2) for at, value in zip(middle, point, strict=True))
    return x, y


def drag(page: Any, start: np.ndarray, by: tuple[float, float]) -> None:
    """Drag what is at a place of the picture by so many px of the picture."""
    page.mouse.move(*place(page, start))
    page.mouse.down()
    page.mouse.move(*place(page, start + np.array(by) / 2))
    page.mouse.move(*place(page, start + np.array(by)))
    page.mouse.up()
