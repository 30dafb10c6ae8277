"""What annotators and reviewers set up and compare: own keys, colours, revisions laid over."""

import re

import numpy as np
import pytest
from page_browsing import drag, opened

from evoskeleton.annotation.domain.records import Change
from evoskeleton.evolution.skeleton import LIMBS, Joint
from evoskeleton.lifting.model_fit.body_checks import checked_bodies

pytestmark = pytest.mark.long

OTHERS = """() => {
  const canvas = document.querySelector(".picture canvas:nth-of-type(2)");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const near = (at, wanted) => Math.abs(data[at] - wanted) < 15;
  let found = 0;
  for (let at = 0; at < data.length; at += 4) {
    found += near(at, 255) && near(at + 1, 125) && near(at + 2, 233) ? 1 : 0;
  }
  return found;
}"""
"""Pixels in the colour of another revision."""


OTHERWISE = (
    """(before) => document.querySelector('[aria-label^="RElbow is"]').innerText !== before"""
)


def begun(page):
    page.get_by_role("button", name="Annotate").click()
    page.locator(".other").first.wait_for()
    page.locator(".picture canvas").last.focus()


def said_of(page, joint):
    return page.get_by_role("button", name=f"{joint} is").inner_text()


def test_a_key_is_changed_and_stays_so_until_it_is_given_back(annotating, chromium):
    with annotating(1) as street, opened(chromium, street.address("ann")) as page:
        begun(page)
        new_key(page, "Hidden or visible, next joint", "f")
        page.get_by_role("status").filter(
            has_text="Flip this bone in depth has no key now"
        ).wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("heading", name="Keys").wait_for(state="detached")
        assert page.get_by_role("button", name="Flip", exact=True).inner_text() == "Flip"
        for again in (False, True):
            if again:
                page.reload()
                page.locator(".joints .chosen").wait_for()
                page.locator(".picture canvas").last.focus()
            page.get_by_role("button", name="RElbow", exact=True).click()
            before = said_of(page, "RElbow")
            page.keyboard.press("f")
            page.wait_for_function(OTHERWISE, arg=before)
        page.keyboard.press("?")
        page.get_by_role("button", name="All keys as they were").click()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="RElbow", exact=True).click()
        before = said_of(page, "RElbow")
        page.keyboard.press("v")
        page.wait_for_function(OTHERWISE, arg=before)


def new_key(page, label, key):
    page.keyboard.press("?")
    page.get_by_role("button", name=f"Change the key of: {label}").click()
    page.keyboard.press(key)


def test_limbs_beyond_their_limits_are_told_and_may_be_sent(annotating, chromium):
    with annotating(1) as street, opened(chromium, street.address("ann")) as page:
        begun(page)
        foot, knee = street.points[Joint.RFOOT], street.points[Joint.RKNEE]
        page.wait_for_timeout(300)
        drag(page, foot, tuple(knee + (105.0, 10.0) - foot))
        told = page.locator(".odd").get_by_text("beyond the joint limits: right shank")
        told.wait_for()
        words = told.inner_text()
        page.keyboard.press("Enter")
        page.get_by_role("listitem").filter(has_text=f"Person 1: {words}").wait_for()
        page.keyboard.press("Enter")
        page.get_by_text("Nothing is left").wait_for()
        (person,) = street.newest(1).people
    (margins,) = checked_bodies(np.array([person.joints]), np.array([1700.0])).limit_margin_deg
    beyond = [(limb.name, -at) for limb, at in zip(LIMBS, margins, strict=True) if at < -0.5]
    assert words == "beyond the joint limits: " + ", ".join(f"{n} {d:.0f}°" for n, d in beyond)


def test_two_revisions_are_laid_over_each_other(annotating, chromium):
    with annotating(1) as street:
        for number, head in enumerate((300.0, 340.0)):
            points = street.points.copy()
            points[Joint.HEAD, 0] = head
            people = [{"id": 0, "keypoints": points.tolist(), "visibility": [2] * 17}]
            street.store.change(Change("submit", 1, "ann", number, f"key {number}", people, ""))
        with opened(chromium, street.address("eve")) as page:
            page.get_by_role("button", name="Review").click()
            page.get_by_text("Revision 2").wait_for()
            page.wait_for_timeout(300)
            assert page.evaluate(OTHERS) == 0
            page.keyboard.press("o")
            page.get_by_text("40 px").wait_for()
            page.wait_for_timeout(100)
            assert page.evaluate(OTHERS) > 30
            page.get_by_label("Laid over").select_option("nothing")
            page.get_by_text("40 px").wait_for(state="detached")
            page.get_by_label("Laid over").select_option("1 by ann")
            page.get_by_text("40 px").wait_for()
            page.keyboard.press("?")
            page.get_by_text("Lay the revision before over it").wait_for()


def test_the_page_is_dark_or_light_as_somebody_wants_it(annotating, chromium):
    ground = "() => getComputedStyle(document.body).backgroundColor"
    with (
        annotating(1) as street,
        opened(chromium, street.address("ann"), color_scheme="light") as page,
    ):
        page.get_by_role("button", name="Annotate").wait_for()
        assert np.mean(colour_of(page.evaluate(ground))) > 200
        page.get_by_label("Colours").select_option("dark")
        page.reload()
        page.get_by_role("button", name="Annotate").wait_for()
        assert np.mean(colour_of(page.evaluate(ground))) < 60


def colour_of(words):
    return [int(number) for number in re.findall(r"\d+", words)[:3]]
