"""Killed browsers, killed servers, revoked tokens, two people on one image: what was done stays."""

import contextlib
import os
import random
import signal
import socket
import time
from pathlib import Path

import numpy as np
import pytest
from page_browsing import browser_here, drag, opened
from warm_server import WarmServers

from evoskeleton.annotation.domain.records import Change
from evoskeleton.evolution.skeleton import Joint

pytestmark = pytest.mark.long

KEYS = ("v", "d", "f", "]", "[", "w", "s", "x", "ArrowLeft", "Shift+ArrowDown", "Control+z")
KILLS = int(os.environ.get("EVOSKELETON_KILLS", "100"))
"""Of the browser, and of the server; a variable says fewer."""
STATE = "() => document.querySelector('.joints').innerText"


def begun(page):
    """The first image, with its suggestion."""
    page.get_by_role("button", name="Annotate").click()
    page.locator(".other").first.wait_for()


def test_a_killed_browser_has_everything_that_it_said_was_kept(annotating, chromium, tmp_path):
    draw = random.Random(3)
    kind = chromium.browser_type
    options = {"executable_path": browser_here(), "user_data_dir": str(tmp_path / "profile")}
    with annotating(1) as street:
        seen = None
        for _ in range(KILLS):
            context = kind.launch_persistent_context(**options, args=["--no-first-run"])
            page = context.pages[0]
            page.goto(street.address("ann"))
            begun(page)
            if seen is not None:
                assert page.evaluate(STATE) == seen
            for _ in range(draw.randrange(3, 12)):
                page.keyboard.press(draw.choice(KEYS))
            page.wait_for_function(
                "() => !document.querySelector('.kept').textContent.includes('keeping')"
            )
            seen = page.evaluate(STATE)
            kill_browser(tmp_path / "profile")
            with contextlib.suppress(Exception):
                context.close()


def kill_browser(profile):
    """End every process of the browser with this profile at once."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"--user-data-dir={profile}" in words:
            os.kill(int(name), signal.SIGKILL)


def test_what_a_dead_server_missed_it_gets_once_when_it_is_back(annotating, chromium):
    with annotating(2) as street, opened(chromium, street.address("ann")) as page:
        begun(page)
        page.keyboard.press("v")
        page.context.set_offline(True)
        page.keyboard.press("Enter")
        page.get_by_text("1.png").wait_for()
        page.locator(".other").first.wait_for()
        page.get_by_text("offline").wait_for()
        page.keyboard.press("v")
        assert street.newest(1).number == 0
        page.context.set_offline(False)
        wait(page, lambda: street.newest(1).number, 40.0)
        page.wait_for_timeout(1000)
        assert street.newest(1).number == 1 and street.newest(1).state == "submitted"


def test_a_token_that_is_revoked_is_asked_for_over_the_page(annotating, chromium):
    from evoskeleton.annotation.server.tokens import Tokens

    with annotating(1) as street, opened(chromium, street.address("ann")) as page:
        begun(page)
        page.keyboard.press("v")
        tokens = Tokens(street.folder / "tokens.json")
        tokens.revoke("ann")
        token = tokens.add("ann", ["annotate"])
        page.keyboard.press("Enter")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Go on").click()
        page.get_by_text("Nothing is left").wait_for()
        assert street.newest(1).state == "submitted" and street.newest(1).annotator == "ann"
        assert token not in page.url


def test_two_people_on_one_image_lose_nothing(annotating, chromium):
    with annotating(1) as street, opened(chromium, street.address("ann")) as page:
        begun(page)
        drag(page, street.points[Joint.LELBOW], (8.0, 0.0))
        page.keyboard.press("Control+Enter")
        wait(page, lambda: street.newest(1).number == 1)
        page.get_by_text("kept by the server").wait_for()
        page.locator(".joints .chosen").wait_for()
        page.wait_for_timeout(300)
        drag(page, street.points[Joint.RFOOT], (0.0, -8.0))
        first = street.newest(1)
        other = [person.model_dump(mode="json", exclude_none=True) for person in first.people]
        head = np.array(other[0]["keypoints"][Joint.HEAD]) + (6.0, 0.0)
        other[0]["keypoints"][Joint.HEAD] = head.tolist()
        street.store.release(1, "ann")
        street.store.change(Change("submit", 1, "bob", 1, "key", other, ""))
        page.keyboard.press("Control+Enter")
        page.get_by_text("bob changed this image").wait_for()
        page.get_by_role("button", name="Good").click()
        page.keyboard.press("Control+Enter")
        wait(page, lambda: street.newest(1).number == 3)
        points = np.array(street.newest(1).people[0].keypoints)
        assert np.allclose(points[Joint.HEAD], head)
        assert np.allclose(points[Joint.RFOOT], street.points[Joint.RFOOT] + (0.0, -8.0), atol=1.5)


def test_a_second_tab_only_looks(annotating, chromium):
    with annotating(1) as street, opened(chromium, street.address("ann")) as page:
        begun(page)
        second = page.context.new_page()
        second.goto(street.address("ann"))
        second.get_by_role("button", name="Annotate").click()
        second.get_by_text("open in another tab").wait_for()


def wait(page, ready, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        page.wait_for_timeout(50)


def test_a_killed_server_loses_no_action_and_does_none_twice(
    annotating, chromium, bundle, tmp_path
):
    draw = random.Random(5)
    images = range(1, KILLS + 1)
    with annotating(KILLS) as street:
        for image in images:
            change = Change("draft", image, "eve", 0, f"first {image}", people(street), "")
            street.store.change(change)
        folder, token = street.folder, street.tokens["ann"]
    port = free_port()
    options = ["--bundle", bundle, "--address", "127.0.0.1:0", "--metrics-address", ""]
    options += ["--no-detector", "--annotations", folder, "--tokens", folder / "tokens.json"]
    options += ["--http-address", f"127.0.0.1:{port}"]
    with (
        contextlib.closing(WarmServers()) as servers,
        opened(chromium, "about:blank", allowed="net::ERR") as page,
    ):
        running = servers.start(tmp_path / "log", *map(str, options))
        page.goto(f"http://127.0.0.1:{port}/#token={token}")
        page.get_by_role("button", name="Annotate").click()
        for image in range(KILLS):
            page.get_by_role("heading", name=f"{image}.png", exact=True).wait_for(timeout=90_000)
            page.locator(".joints .chosen").wait_for(timeout=90_000)
            page.get_by_role("button", name="RElbow", exact=True).click()
            page.keyboard.press("v")
            page.wait_for_timeout(draw.randrange(200))
            page.locator(".picture canvas").last.focus()
            page.keyboard.press("Enter")
            page.wait_for_timeout(draw.randrange(60))
            os.kill(running, signal.SIGKILL)
            running = servers.start(tmp_path / f"log{image}", *map(str, options))
        wait(page, lambda: states_of(folder, images) == {"submitted"}, 90.0)
        for newest in newest_of(folder, images):
            assert newest.number == 2 and newest.annotator == "ann"
            assert newest.people[0].visibility[Joint.RELBOW] == 1
        os.kill(running, signal.SIGKILL)


def people(street):
    """The walker, as somebody has drawn them."""
    return [{"id": 0, "keypoints": street.points.tolist(), "visibility": [2] * 17}]


def newest_of(folder, images):
    """The newest revisions of images, beside the server."""
    from evoskeleton.annotation.store.annotation_store import store_in

    store = store_in(folder, None)
    try:
        return [store.revision(image, None) for image in images]
    finally:
        store.close()


def states_of(folder, images):
    return {revision.state for revision in newest_of(folder, images)}


def free_port():
    """A port that nothing listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
