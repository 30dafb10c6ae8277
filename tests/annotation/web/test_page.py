"""The page in a real browser: what a person does from a suggestion to an accepted body."""

import re
import tomllib
from pathlib import Path

import numpy as np
from page_browsing import drag, opened

from evoskeleton.annotation.page_schema import SCRIPT, page_script
from evoskeleton.annotation.server.http.page import PAGE
from evoskeleton.evolution.skeleton import Joint

ROOT = Path(__file__).resolve().parents[3]


def test_the_page_knows_of_bodies_what_this_package_knows():
    assert SCRIPT.read_text() == page_script()


def test_the_page_is_small_and_asks_nobody_else():
    files = [path for path in PAGE.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 400_000
    for path in files:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        addresses = [line for line in text.splitlines() if "://" in line and "// " not in line]
        assert addresses == [], path


def test_every_command_of_the_one_table_is_done_by_its_screen():
    table = re.findall(r'\{ id: "(\w+)",.*?(?:place: "(\w+)" )?\},', text_of("keys.js"))
    for screen, place in (("annotate", ""), ("review", "review")):
        words = text_of(f"screens/{screen}.js")
        done = set(
            re.findall(r"^ +(\w+): (?:\(|look|zoom)|, (\w+): (?:\(\)|look|zoom)", words, re.M)
        )
        done = {name for names in done for name in names} | {f"take{n}" for n in range(1, 7)}
        missing = [name for name, known in table if known in (place, "both") and name not in done]
        assert len(table) > 60 and missing == [], screen


def text_of(name):
    return (PAGE / "src" / name).read_text()


def test_every_file_of_the_page_goes_into_the_wheel():
    words = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = words["tool"]["setuptools"]["package-data"]
    for path in filter(Path.is_file, PAGE.rglob("*")):
        package = ".".join(("evoskeleton", *path.parent.relative_to(PAGE.parents[1]).parts))
        assert any(path.match(pattern) for pattern in patterns.get(package, ())), path


def test_suggested_corrected_submitted_reviewed(annotating, chromium):
    with annotating() as street:
        with opened(chromium, street.address("ann")) as page:
            corrected_and_submitted(page, street)
        with opened(chromium, street.address("eve")) as page:
            page.get_by_role("button", name="Review").click()
            page.get_by_text("Revision 1").wait_for()
            page.keyboard.press("a")
            page.get_by_text("Nothing waits for a review").wait_for()
        assert street.newest(1).state == "accepted" and street.newest(1).annotator == "eve"


def corrected_and_submitted(page, street):
    """An elbow dragged, said to be hidden by one key, the forearm flipped, sent by another."""
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url.split("/")[2]))
    page.get_by_role("button", name="Annotate").click()
    page.locator(".other").first.wait_for()
    elbow = street.points[Joint.LELBOW]
    drag(page, elbow, (30.0, -20.0))
    page.keyboard.press("v")
    page.keyboard.press("f")
    page.get_by_text("all kept here").wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("1.png").wait_for()
    assert asked == {f"127.0.0.1:{street.served.endpoint.http_port}"}
    done = revision_of(page, street, 1)
    assert done.state == "submitted" and done.annotator == "ann"
    (person,) = done.people
    assert person.joints is not None and person.visibility[Joint.LELBOW] == 1
    others = np.arange(17) != Joint.LELBOW
    assert np.allclose(person.keypoints[Joint.LELBOW], elbow + (30.0, -20.0), atol=1.5)
    assert np.allclose(np.array(person.keypoints)[others], street.points[others], atol=0.01)


def revision_of(page, street, image_id):
    """The newest revision of an image, once there is one."""
    for _ in range(100):
        found = street.newest(image_id)
        if found.number:
            return found
        page.wait_for_timeout(50)
    raise AssertionError("nothing was submitted")
