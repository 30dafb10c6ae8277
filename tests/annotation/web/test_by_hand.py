"""Without a detector, in COCO's points, on turned pictures, by keys alone, by touch alone."""

import io

import numpy as np
import pytest
from page_browsing import SIZE, drag, opened, place
from PIL import Image

from evoskeleton.annotation.store.image_files import checked_picture
from evoskeleton.evolution.skeleton import JOINT_NAMES, Joint
from evoskeleton.lifting.keypoints.keypoint_formats import COCO, SAME_JOINT

pytestmark = pytest.mark.long

TOP_LEFT = """async (sha256) => {
  const headers = { authorization: `Bearer ${sessionStorage.getItem("evoskeleton.token")}` };
  const blob = await (await fetch(`/pictures/${sha256}`, { headers })).blob();
  const bitmap = await createImageBitmap(blob, { imageOrientation: "from-image" });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return [bitmap.width, bitmap.height, ...context.getImageData(10, 10, 1, 1).data];
}"""


def submitted(page, street, image=1):
    for _ in range(200):
        if (found := street.newest(image)).state == "submitted":
            return found
        page.wait_for_timeout(50)
    raise AssertionError("nothing was submitted")


def test_a_person_is_drawn_with_a_box_and_seventeen_clicks(annotating, chromium):
    with (
        annotating(1, detector=False) as street,
        opened(chromium, street.address("ann")) as page,
    ):
        page.get_by_role("button", name="Annotate").click()
        page.get_by_text("Nobody yet: draw a box").wait_for()
        page.keyboard.press("Shift+E")
        corner = street.points.min(axis=0) - 10.0
        drag(page, corner, tuple(street.points.max(axis=0) + 20.0 - corner))
        page.get_by_role("button", name="Person 1").wait_for()
        page.keyboard.press("Shift+Z")
        page.wait_for_timeout(100)
        for point in street.points:
            page.mouse.click(*place(page, point))
        page.get_by_text("R fits one").wait_for()
        page.keyboard.press("r")
        page.locator(".other").first.wait_for()
        page.keyboard.press("Enter")
        done = submitted(page, street)
    (person,) = done.people
    assert done.actions <= 20
    assert np.abs(np.array(person.keypoints) - street.points).max() < 1.5
    assert person.visibility == (2,) * 17 and person.joints is not None


def test_cocos_points_are_corrected_as_well(annotating, chromium):
    with (
        annotating(1, keypoints="coco") as street,
        opened(chromium, street.address("ann")) as page,
    ):
        page.get_by_role("button", name="Annotate").click()
        page.locator(".other").first.wait_for()
        knee = street.points[Joint.LKNEE]
        drag(page, knee, (25.0, 10.0))
        page.keyboard.press("f")
        page.keyboard.press("Enter")
        (person,) = submitted(page, street).people
    points = dict(zip(COCO, person.keypoints, strict=True))
    assert np.allclose(points["left_knee"], knee + (25.0, 10.0), atol=1.5)
    for ours, theirs in SAME_JOINT.items():
        if theirs != "left_knee":
            assert np.allclose(points[theirs], street.points[JOINT_NAMES.index(ours)], atol=0.01)
    assert person.visibility[COCO.index("nose")] == 0 and person.joints is not None


def test_a_whole_image_by_keys_alone(annotating, chromium):
    with annotating(1) as street, opened(chromium, street.address("ann")) as page:
        page.get_by_role("button", name="Annotate").focus()
        page.keyboard.press("Enter")
        page.locator(".other").first.wait_for()
        page.keyboard.press("Tab")
        for key in ("Shift+ArrowRight", "v", "]", "2", "Control+z", "Control+Shift+z"):
            page.keyboard.press(key)
        page.keyboard.press("Enter")
        done = submitted(page, street)
    assert done.people[0].joints is not None


def test_a_finger_moves_a_joint_and_two_zoom(annotating, chromium):
    options = {"viewport": {"width": 820, "height": 1180}, "has_touch": True}
    with annotating(1) as street, opened(chromium, street.address("ann"), **options) as page:
        page.get_by_role("button", name="Annotate").tap()
        page.locator(".other").first.wait_for()
        page.wait_for_timeout(300)
        touch = page.context.new_cdp_session(page)
        start = np.array(place(page, street.points[Joint.HEAD]))
        fingers(touch, "touchStart", start)
        for share in (0.5, 1.0):
            fingers(touch, "touchMove", start + share * np.array([40.0, 20.0]))
        fingers(touch, "touchEnd")
        fingers(touch, "touchStart", start, start + 60.0)
        fingers(touch, "touchMove", start - 30.0, start + 90.0)
        fingers(touch, "touchEnd")
        page.get_by_role("button", name="Head is visible: change").tap()
        page.get_by_role("button", name="Submit").tap()
        page.get_by_text("bones of unusual length").last.wait_for()
        page.get_by_role("dialog").get_by_role("button", name="Submit").tap()
        (person,) = submitted(page, street).people
    scale = min(589.0, 540.0) / (1.02 * SIZE)
    moved = np.array(person.keypoints[Joint.HEAD]) - street.points[Joint.HEAD]
    assert np.allclose(moved, np.array([40.0, 20.0]) / scale, rtol=0.15)
    assert person.visibility[Joint.HEAD] == 1


def fingers(touch, kind, *places):
    points = [{"x": float(x), "y": float(y)} for x, y in places]
    touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def test_turned_pictures_are_seen_as_the_server_counts_them(annotating, chromium):
    with annotating(1) as street:
        images = []
        for orientation in range(1, 9):
            content = turned(orientation)
            picture = checked_picture(content, "x", 40_000_000)
            images.append(street.store.add_image(street.project.id, f"t{orientation}", picture))
        with opened(chromium, street.address("ann")) as page:
            page.get_by_role("button", name="Annotate").wait_for()
            for image in images:
                width, height, red, green, *_ = page.evaluate(TOP_LEFT, image.sha256)
                assert (width, height) == (image.width, image.height)
                assert red > 200 and green < 60


def turned(orientation):
    """A JPEG that a camera held so has stored: its top left corner, as seen, is red."""
    seen = Image.new("RGB", (120, 80), (20, 20, 200))
    seen.paste((250, 10, 10), (0, 0, 40, 40))
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = seen.transpose(back[orientation]) if orientation in back else seen
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    stored.save(file, "JPEG", quality=95, exif=exif)
    return file.getvalue()
