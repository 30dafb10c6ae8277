"""What the page for annotators asks of a real server: lists, refits, pictures, comments."""

import io
import json
import urllib.error
import urllib.request
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
from one_walker import OneWalker
from PIL import Image

pytest.importorskip("grpc", reason="the extra `serve` is not installed")
pytest.importorskip("sqlalchemy", reason="the extra `serve` is not installed")

from evoskeleton.annotation.client import Client, EndpointError, InvalidRequest
from evoskeleton.annotation.domain.annotated_person import AnnotatedPerson
from evoskeleton.annotation.domain.records import Project
from evoskeleton.annotation.server.tokens import Tokens
from evoskeleton.annotation.serving.champions import BundleSource
from evoskeleton.annotation.serving.detection_queue import ServedDetector
from evoskeleton.evolution.skeleton import Joint
from evoskeleton.lifting.cameras import FOCAL_PX


def picture(shade: int = 0, size: tuple[int, int] = (1000, 1000), kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (shade, 0, 0)).save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="module")
def walker(motion) -> ServedDetector:
    """Four metres before a camera of a picture of 1000 x 1000."""
    side = motion[10][:, [1, 2]] - motion[10][:1, [1, 2]]
    points = 500.0 + FOCAL_PX * side * [1.0, -1.0] / 4000.0
    return ServedDetector(OneWalker(points), "one walker", "1", "1" * 64)


@pytest.fixture(scope="module")
def running(serve_here, bundle, walker, tmp_path_factory):
    kept = tmp_path_factory.mktemp("kept")
    with serve_here(
        BundleSource(bundle), walker, annotations=kept, http_address="127.0.0.1:0"
    ) as running:
        yield running


@pytest.fixture
def client(running):
    with Client(running.address) as client:
        yield client


@pytest.fixture
def project(client, request) -> Project:
    return client.make_project(f"p{abs(hash(request.node.name))}")


def person(**more: Any) -> AnnotatedPerson:
    points = [[float(n), 2.0 * n] for n in range(17)]
    return AnnotatedPerson.parse({"id": 0, "keypoints": points, "visibility": [2] * 17} | more)


def refused(reason: str, call: Any, *given: Any, **named: Any) -> EndpointError:
    with pytest.raises(EndpointError) as refusal:
        call(*given, **named)
    assert refusal.value.reason == reason, refusal.value
    return refusal.value


def get(running: Any, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    url = f"http://127.0.0.1:{running.endpoint.http_port}{path}"
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=names)) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def test_who_asks_is_told_what_they_may_do(serve_here, make_bundle, tmp_path, running, client):
    me = client.who_am_i()
    assert (me.name, me.annotations, me.detector) == ("", True, True) and "admin" in me.scopes
    tokens = Tokens(tmp_path / "tokens.json")
    secret = tokens.add("ann", ["infer"])
    with serve_here(BundleSource(make_bundle()), tokens=tmp_path / "tokens.json") as other:
        with Client(other.address, token=secret) as mine:
            me = mine.who_am_i()
            assert (me.name, me.scopes, me.annotations) == ("ann", ("infer",), False)
            with pytest.raises(EndpointError, match="PERMISSION_DENIED"):
                mine.projects()
        with Client(other.address) as nobody, pytest.raises(EndpointError, match="UNAUTHENT"):
            nobody.who_am_i()


def test_lists_are_searched_ordered_counted_and_opened_anywhere(client, project):
    names = ["b/IMG_2.png", "a_100%.png", "Ärger.png", "c.png"]
    images = [client.upload(project.id, n, picture(i, (8, 8))) for i, n in enumerate(names)]
    by_name = client.image_page(project.id, order="name")
    assert [image.name for image in by_name.images] == sorted(names, key=str.lower)
    assert by_name.total == 4
    for search, found in (("img", [0]), ("ä", [2]), ("0%", [1]), ("_", [0, 1]), ("%", [1])):
        page = client.image_page(project.id, search=search)
        assert [i.id for i in page.images] == [images[n].id for n in found], search
    second = client.image_page(project.id, order="number_down", offset=1, most=2)
    assert ([i.id for i in second.images], second.total) == ([images[2].id, images[1].id], 4)
    client.lease(project.id, "ann")
    client.submit(images[3].id, [person()], 0, "bob", actions=7, seconds=12.5)
    client.assign([images[1].id], "cid")
    client.skip(images[2].id, "dark", "ann")
    client.add_comment(images[0].id, "whose arm is this?", "ann", place=(3.0, 4.0))
    for asked, found in (
        ({"holder": "ann"}, 0),
        ({"annotator": "bob"}, 3),
        ({"assignee": "cid"}, 1),
        ({"skipped_by": "ann"}, 2),
        ({"commented": True}, 0),
        ({"state": "submitted"}, 3),
    ):
        page = client.image_page(project.id, **asked)
        assert [image.id for image in page.images] == [images[found].id], asked
    counts = client.counts(project.id)
    assert (counts.states, counts.images) == ({"new": 3, "submitted": 1}, 4)
    assert (counts.held, counts.open_comments) == (1, 1)
    bob = counts.annotators["bob"]
    assert (bob.states, bob.actions, bob.seconds) == ({"submitted": 1}, 7, 12.5)
    assert (counts.annotators["ann"].held, counts.annotators["cid"].assigned) == (1, 1)
    with pytest.raises(InvalidRequest, match="use offset"):
        client.image_page(project.id, order="name", after=3)


def test_the_next_images_come_with_the_first_and_nobody_else_gets_them(client, project):
    images = [client.upload(project.id, f"{n}", picture(n, (8, 8))) for n in range(5)]
    client.assign([images[3].id], "ann")
    mine = client.lease_several(project.id, 3, "ann")
    assert [image.id for image in mine] == [images[n].id for n in (3, 0, 1)]
    again = client.lease_several(project.id, 3, "ann")
    assert {image.id for image in again} == {image.id for image in mine}
    rest = [images[2].id, images[4].id]
    assert [i.id for i in client.lease_several(project.id, 5, "bob")] == rest
    refusal = refused("HELD", client.submit, images[0].id, [person()], 0, "bob")
    assert "annotated by ann" in str(refusal)
    client.skip(images[2].id, "dark", "bob")
    assert [i.id for i in client.lease_several(project.id, 5, "bob")] == [images[4].id]
    client.unskip(images[2].id, "bob")
    assert {i.id for i in client.lease_several(project.id, 5, "bob")} == {*rest}


def test_reviews_are_leased_and_given_together(client, project):
    images = [client.upload(project.id, f"{n}", picture(n, (8, 8))) for n in range(3)]
    for image in images:
        client.submit(image.id, [person()], 0, "ann")
    mine = client.lease_for_review(project.id, "eve", count=2)
    assert [image.id for image in mine] == [images[0].id, images[1].id]
    assert [i.id for i in client.lease_for_review(project.id, "fay", count=5)] == [images[2].id]
    refused("HELD", client.review, images[0].id, True, 1, "fay")
    refused("HELD", client.undo, images[0].id, 1, "ann")
    assert client.renew(images[0].id, "eve").holder == "eve"
    outcomes = client.review_many([*mine, images[2]], True, "eve", "fine")
    assert [(o.revision, o.reason) for o in outcomes] == [(2, ""), (2, ""), (0, "STALE")]
    assert {i.holder for i in client.images(project.id, "accepted")} == {""}
    refusal = refused("ACCEPTED", client.submit, images[0].id, [person()], 2, "ann")
    assert "a reviewer may reject it first" in str(refusal)


def test_a_verdict_is_undone_by_nobody_and_nothing_where_nothing_was_done(client, project):
    image = client.upload(project.id, "a", picture(1, (8, 8))).id
    client.submit(image, [person()], 0, "ann", draft=True)
    assert client.undo(image, 1, "ann").state == "new"
    refused("NOTHING", client.undo, image, 2, "ann")
    client.submit(image, [person()], 2, "ann")
    client.review(image, False, 3, "eve")
    refused("REJECTED", client.undo, image, 4, "ann")
    client.submit(image, [person(id=1)], 4, "ann", draft=True)
    back = client.undo(image, 5, "ann")
    assert (back.state, [one.id for one in back.people]) == ("rejected", [0])
    refused("REJECTED", client.undo, image, 6, "ann")


def test_effort_and_origin_come_back_with_the_revision(client, project):
    image = client.upload(project.id, "a", picture(1, (8, 8))).id
    origin = ["touched", *["suggested"] * 15, "confirmed"]
    full = person(origin=origin, confidence=[0.5] * 17, error_radii_mm=[-1.0] * 17)
    made = client.submit(image, [full], 0, "ann", actions=3, seconds=4.5)
    assert (made.actions, made.seconds, made.people) == (3, 4.5, (full,))
    assert client.annotation(image) == made
    listed = client.images(project.id)[0]
    assert (listed.actions, listed.annotator, listed.changed) == (3, "ann", made.created)
    with pytest.raises(InvalidRequest, match="origin should be of 17 points, got 3"):
        client.submit(image, [person(origin=["touched"] * 3)], 1, "ann")


def test_people_talk_about_an_image_until_it_is_settled(client, project):
    image = client.upload(project.id, "a", picture(1, (8, 8))).id
    first = client.add_comment(image, "left or right?", "ann", person=3, place=(1.5, 2.0))
    second = client.add_comment(image, "left", "bob")
    assert client.comments(image) == [first, second]
    assert client.comments(image, after=first.id) == [second]
    assert (first.person_id, first.place, second.place) == (3, (1.5, 2.0), None)
    settled = client.resolve_comment(first.id, "eve")
    assert settled.resolved_by == "eve" and client.images(project.id)[0].open_comments == 1
    assert client.resolve_comment(first.id, "eve", open_again=True).resolved_by == ""
    refused("NO_COMMENT", client.resolve_comment, 10**6, "eve")
    for text in ("", "x" * 2001, "a\0b"):
        with pytest.raises(InvalidRequest, match="a comment should"):
            client.add_comment(image, text, "ann")


def test_suggestions_are_kept_with_the_image_until_asked_again(client, project, walker):
    image = client.upload(project.id, "a", picture(1)).id
    looked = walker.detector
    before = looked.looks
    first = client.suggest(image)
    (found,) = first.people
    assert first.focal_px == FOCAL_PX
    assert found.person.origin == ("suggested",) * 17 and len(found.person.confidence) == 17
    fits = found.fits
    assert np.allclose(fits.joints[0], found.person.joints, atol=1e-3)
    projected = (fits.joints + fits.roots[:, None])[0]
    projected = projected[:, :2] / projected[:, 2:] * first.focal_px + 500.0
    off = np.linalg.norm(projected - found.person.keypoints, axis=1).mean()
    assert abs(off - fits.reprojection_px[0]) < 0.05, "root and focal length put it on the picture"
    assert fits.bone_sigma.shape[1] == 16 and fits.limit_margin_deg.shape[1] == 9
    again = client.suggest(image)
    assert again.people[0].person == found.person and looked.looks == before + 1
    client.suggest(image, again=True)
    assert looked.looks == before + 2


def test_a_refit_stays_near_the_annotators_body_and_turns_bones_as_they_say(
    client, project, motion
):
    image = client.upload(project.id, "a", picture(1)).id
    joints = motion[10][:, [1, 2, 0]] * [1.0, -1.0, -1.0]
    joints = (joints - joints[0]).astype(float)
    seen = joints + [0.0, 0.0, 4000.0]
    points = 500.0 + FOCAL_PX * seen[:, :2] / seen[:, 2:]
    words = {"keypoints": points.tolist(), "joints": joints.tolist()}
    whole = person(**words, camera_pitch_deg=0.0, body_height_mm=1700.0)
    bodies = client.refit(image, whole)
    assert 2 <= len(bodies.joints) <= 6 and not bodies.flips[0].any()
    assert np.linalg.norm(bodies.joints[0] - joints, axis=1).mean() < 40.0
    assert bodies.reprojection_px[0] < 3.0
    for other in range(1, len(bodies.joints)):
        apart = np.linalg.norm(bodies.joints[:other] - bodies.joints[other], axis=2).max(1)
        assert (apart > 50.0).all() and bodies.flips[other].any()
    order = np.where(bodies.flips[1], np.sign(_depth(bodies, 1)), 0).astype(int)
    turned = client.refit(image, whole, depth_order=order.tolist())
    for row in range(len(turned.joints)):
        assert (_depth(turned, row) * order >= 0).all()
        assert (_depth(turned, row) * order > 0).any()
    few = person(keypoints=words["keypoints"], visibility=[2] * 5 + [0] * 12)
    with pytest.raises(InvalidRequest, match="6 visible keypoints or more, got 5"):
        client.refit(image, few, from_joints=False)
    with pytest.raises(InvalidRequest, match="16 numbers of -1, 0 or 1"):
        client.refit(image, whole, depth_order=[2] * 16)


def test_a_body_is_told_where_it_is_beyond_its_limits(client, motion):
    joints = (motion[10] - motion[10][0])[:, [0, 2, 1]] * [1.0, -1.0, 1.0]
    folded = joints.copy()
    folded[Joint.LWRIST] = folded[Joint.LELBOW] + folded[Joint.LSHOULDER] - joints[Joint.LELBOW]
    folded[Joint.RFOOT] += 0.5 * (folded[Joint.RFOOT] - folded[Joint.RKNEE])
    found = client.check_bodies(np.stack([joints, folded]), [1700.0, 1700.0])
    assert (found.limit_margin_deg[0] > 0).all()
    assert np.flatnonzero(found.limit_margin_deg[1] < 0).tolist() == [2], "the left forearm"
    grown = found.bone_sigma[1] - found.bone_sigma[0]
    assert grown[Joint.RFOOT - 1] > 3.0
    assert np.abs(np.delete(grown, [Joint.RFOOT - 1, Joint.LWRIST - 1])).max() < 1e-6
    assert client.check_bodies(np.zeros((0, 17, 3))).bone_sigma.shape == (0, 16)
    for wrong, words in ((np.zeros((1, 17, 3)), "lie apart"), (np.zeros((1, 16, 3)), "51 numbers")):
        with pytest.raises(InvalidRequest, match=words):
            client.check_bodies(wrong)


def _depth(bodies: Any, row: int) -> np.ndarray:
    """(16,) how far the far end of each bone lies behind its near end, along its ray."""
    from evoskeleton.evolution.skeleton import BONES

    there = bodies.joints[row] + bodies.roots[row]
    rays = there / np.linalg.norm(there, axis=1, keepdims=True)
    return np.array([(there[end] - there[start]) @ rays[end] for start, end in BONES])


def test_pictures_and_thumbnails_come_by_get_and_are_asked_for_once(running, client, project):
    content = picture(9, (600, 300), "JPEG")
    image = client.upload(project.id, "a.jpg", content)
    path = f"/pictures/{image.sha256}"
    status, headers, body = get(running, path)
    assert (status, body, headers["content-type"]) == (200, content, "image/jpeg")
    assert "private" in headers["cache-control"] and headers["x-content-type-options"] == "nosniff"
    assert get(running, path, if_none_match=headers["etag"])[0] == 304
    status, small, body = get(running, f"{path}?width=256")
    assert (status, Image.open(io.BytesIO(body)).size) == (200, (256, 128))
    assert small["etag"] != headers["etag"]
    assert get(running, f"{path}?width=256", if_none_match=small["etag"])[::2] == (304, b"")
    assert get(running, f"{path}?width=1024")[2][:2] == b"\xff\xd8", "never larger than it is"
    for wrong, code in (
        ("?width=300", 400),
        ("?width=x", 400),
        ("/../../annotations.db", 404),
    ):
        assert get(running, path + wrong)[0] == code
    for name in ("0" * 64, "..%2f..%2fannotations.db", "A" * 64):
        status, _, body = get(running, f"/pictures/{name}")
        assert status == 404
        assert "%" in name or json.loads(body)["code"] == "not_found"
    client.delete_image(image.id)
    assert get(running, path, if_none_match=headers["etag"])[0] == 404
    assert get(running, f"{path}?width=256")[0] == 404


def test_pictures_want_a_token_that_may_annotate(serve_here, make_bundle, tmp_path):
    tokens = Tokens(tmp_path / "tokens.json")
    secrets = {scope: tokens.add(scope, [scope]) for scope in ("infer", "annotate", "admin")}
    given = {"tokens": tmp_path / "tokens.json", "annotations": tmp_path / "kept"}
    with serve_here(BundleSource(make_bundle()), http_address="127.0.0.1:0", **given) as running:
        with Client(running.address, token=secrets["admin"]) as admin:
            project = admin.make_project("people")
        with Client(running.address, token=secrets["annotate"]) as ann:
            image = ann.upload(project.id, "a", picture(1, (8, 8)))
            for call in (
                lambda: ann.delete_image(image.id),
                lambda: ann.rename_image(image.id, "b"),
                lambda: ann.delete_project(project.id, "people"),
                lambda: ann.assign([image.id], "bob"),
                lambda: ann.lease_for_review(project.id),
                lambda: ann.review_many([image], True),
            ):
                with pytest.raises(EndpointError, match="needs a token with scope admin"):
                    call()
        path = f"/pictures/{image.sha256}"
        assert get(running, path)[0] == 401
        assert get(running, path, authorization=f"Bearer {secrets['infer']}")[0] == 403
        assert get(running, path, authorization=f"Bearer {secrets['annotate']}")[0] == 200


def test_what_is_deleted_is_gone_from_the_disk(serve_here, make_bundle, tmp_path):
    kept = tmp_path / "kept"
    secret = "a_name_that_nobody_should_find"
    with ExitStack() as stack:
        running = stack.enter_context(serve_here(BundleSource(make_bundle()), annotations=kept))
        client = stack.enter_context(Client(running.address))
        project = client.make_project("people")
        same = picture(7, (8, 8))
        images = [client.upload(project.id, f"{secret}{n}", same) for n in (0, 1)]
        client.submit(images[0].id, [person()], 0, "ann", note=secret)
        client.add_comment(images[0].id, secret, "ann")
        client.lease(project.id, "bob")
        refused("HELD", client.delete_image, images[1].id, "eve")
        client.release(images[1].id, "bob")
        assert client.delete_image(images[0].id).files == 0, "the other has the same picture"
        assert client.picture_of(images[1].id) == picture(7, (8, 8))
        refused("NO_IMAGE", client.annotation, images[0].id)
        assert client.rename_image(images[1].id, "b").name == "b"
        with pytest.raises(InvalidRequest, match="should lie within its folder"):
            client.rename_image(images[1].id, "../b")
        assert client.rename_project(project.id, "crowd").name == "crowd"
        with pytest.raises(InvalidRequest, match="name should be crowd"):
            client.delete_project(project.id, "people")
        gone = client.delete_project(project.id, "crowd")
        assert (gone.images, gone.files) == (1, 1)
        assert client.projects() == []
        files = [path for path in kept.rglob("*") if path.is_file()]
        assert not [path for path in files if path.parent.parent.name == "images"]
        assert not [path for path in files if secret.encode() in path.read_bytes()]
