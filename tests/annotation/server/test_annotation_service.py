"""AnnotationService of a real server: what annotators, reviewers and programs meet."""

import base64
import io
import json
import random
import urllib.error
import urllib.request
from collections import Counter
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
from one_walker import OneWalker
from PIL import Image

pytest.importorskip("grpc", reason="the extra `serve` is not installed")
pytest.importorskip("sqlalchemy", reason="the extra `serve` is not installed")

import grpc
from google.rpc.status_pb2 import Status

from evoskeleton.annotation.client import Client, EndpointError, InvalidRequest, annotation_calls
from evoskeleton.annotation.generated import annotation_pb2 as pb
from evoskeleton.annotation.generated.annotation_pb2_grpc import AnnotationServiceStub
from evoskeleton.annotation.generated.common_pb2 import Box
from evoskeleton.annotation.messages.annotation_messages import person_record
from evoskeleton.annotation.server.tokens import SCOPES, Tokens
from evoskeleton.annotation.serving.champions import BundleSource
from evoskeleton.annotation.serving.detection_queue import ServedDetector
from evoskeleton.evolution.skeleton import JOINT_NAMES
from evoskeleton.lifting.cameras import FOCAL_PX
from evoskeleton.lifting.keypoints.keypoint_formats import COCO
from evoskeleton.safe_npy import load_object


@pytest.fixture(scope="module")
def walker(motion) -> ServedDetector:
    """Four metres before a camera of a picture of 1000 x 1000."""
    side = motion[10][:, [1, 2]] - motion[10][:1, [1, 2]]
    points = 500.0 + FOCAL_PX * side * [1.0, -1.0] / 4000.0
    return ServedDetector(OneWalker(points), "one walker", "1", "1" * 64)


@pytest.fixture
def running(serve_here, bundle, walker, tmp_path):
    with serve_here(BundleSource(bundle), walker, annotations=tmp_path / "kept") as running:
        yield running


def stub_of(running: Any, stack: ExitStack) -> AnnotationServiceStub:
    return AnnotationServiceStub(stack.enter_context(grpc.insecure_channel(running.address)))


@pytest.fixture
def stub(running):
    with ExitStack() as stack:
        yield stub_of(running, stack)


def picture(shade: int = 0, size: tuple[int, int] = (64, 48)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, (shade, 0, 0)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def images(stub) -> list[pb.Image]:
    project = stub.MakeProject(pb.MakeProjectRequest(name="people"))
    return [
        stub.UploadImage(
            pb.UploadImageRequest(project_id=project.id, name=f"{n}.png", image=picture(n))
        )
        for n in range(3)
    ]


BODY = [value for joint in range(17) for value in (1.5 * joint, 0.0, 10.0 * joint)]
"""(17, 3) mm, the hip at 0: bones that have a length."""


def person(number: int = 0, **more: Any) -> pb.AnnotatedPerson:
    points = [float(value) for value in range(34)]
    return pb.AnnotatedPerson(id=number, keypoints=points, visibility=[2] * 17, **more)


def submission(image: pb.Image, **more: Any) -> pb.SubmitRequest:
    given = {"annotator": "ann", "key": "k", "people": [person()]} | more
    return pb.SubmitRequest(image_id=image.id, **given)


def refused(call: Any, request: Any, code: str, **more: Any) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as refusal:
        call(request, **more)
    assert refusal.value.code().name == code, refusal.value.details()
    assert "\n" not in refusal.value.details()
    return refusal.value


def test_an_image_goes_from_upload_to_acceptance(stub, images):
    leased = stub.LeaseImage(
        pb.LeaseImageRequest(project_id=images[0].project_id, annotator="ann")
    ).image
    assert leased.id == images[0].id and leased.holder == "ann"
    got = stub.GetImage(pb.GetImageRequest(image_id=leased.id))
    assert got.content == picture(0) and (got.image.width, got.image.height) == (64, 48)
    box = Box(x0=1.5, y0=2.0, x1=30.0, y1=40.0)
    full = person(3, box=box, joints=BODY, camera_pitch_deg=0.0)
    full.body_height_mm, full.coco_id, full.coco_area, full.coco_iscrowd = 1700.0, 7, 2.5, 1
    made = stub.Submit(submission(leased, people=[full], note="a note"))
    assert (made.number, made.state, made.action) == (1, pb.STATE_SUBMITTED, pb.ACTION_SUBMIT)
    assert list(made.people) == [full] and made.note == "a note"
    assert stub.GetAnnotation(pb.GetAnnotationRequest(image_id=leased.id)) == made
    review = {"image_id": leased.id, "annotator": "eve", "based_on": 1, "key": "r"}
    done = stub.Review(pb.ReviewRequest(accept=True, **review))
    assert done.state == pb.STATE_ACCEPTED and done.people == made.people
    history = stub.GetHistory(pb.GetHistoryRequest(image_id=leased.id))
    assert list(history.revisions) == [made, done]
    asked = {"project_id": leased.project_id, "state": pb.STATE_ACCEPTED}
    (listed,) = stub.ListImages(pb.ListImagesRequest(**asked)).images
    assert listed.id == leased.id and listed.revision == 2


def test_a_stale_revision_is_aborted_with_the_newest_in_the_details(stub, images):
    first = stub.Submit(submission(images[0]))
    error = refused(stub.Submit, submission(images[0], annotator="bob"), "ABORTED")
    assert "at revision 1 by ann" in error.details()
    trailers = dict(error.trailing_metadata())
    assert trailers["current-revision"] == "1"
    newest = pb.Revision()
    Status.FromString(trailers["grpc-status-details-bin"]).details[0].Unpack(newest)
    assert newest == first
    assert list(stub.GetHistory(pb.GetHistoryRequest(image_id=images[0].id)).revisions) == [first]


@pytest.mark.parametrize("count", [1, 6, 12, 60])
def test_a_conflict_is_told_however_large_the_newest_revision_is(running, count):
    joints = np.random.default_rng(1).normal(scale=300, size=51)
    joints[:3] = 0
    full = {"joints": joints, "camera_pitch_deg": 5.0, "body_height_mm": 1700.0}
    with Client(running.address) as client:
        project = client.run(annotation_calls.make_project("people"))
        image = client.run(annotation_calls.upload(project.id, "a.png", picture()))
        people = [person_record(person(number, **full)) for number in range(count)]
        made = client.run(annotation_calls.submit(image.id, people, 0, "é" * 100))
        with pytest.raises(EndpointError, match="ABORTED: image 1 is at revision 1") as refusal:
            client.run(annotation_calls.submit(image.id, [], 0, "bob"))
        assert annotation_calls.newest_number(refusal.value) == 1
        newest = annotation_calls.newest_revision(refusal.value)
        assert newest == (made if count == 1 else None)


def test_a_refusal_of_any_length_arrives(stub, images):
    entry = {"file_name": "é" * 10_000, "width": 1, "height": 1}
    words = {
        "images": [entry | {"id": number} for number in range(2)],
        "categories": [{"id": 1, "keypoints": list(JOINT_NAMES)}],
        "annotations": [],
    }
    given = {"project_id": images[0].project_id, "annotator": "ann", "key": "k"}
    odd = pb.ImportCocoRequest(coco=json.dumps(words).encode(), **given)
    refusal = refused(stub.ImportCoco, odd, "INVALID_ARGUMENT").details()
    assert refusal.startswith("COCO file: two images have the name é") and refusal.endswith("é...")


def test_a_repeated_key_gets_the_first_answer(stub, images):
    first = stub.Submit(submission(images[0]))
    stub.Submit(submission(images[0], based_on=1, key="k2", people=[]))
    assert stub.Submit(submission(images[0])) == first
    error = refused(stub.Submit, submission(images[0], people=[person(9)]), "INVALID_ARGUMENT")
    assert "used for another change" in error.details()


def test_undo_skip_release_and_renew(stub, images):
    project = images[0].project_id
    stub.Submit(submission(images[0], draft=True))
    undone = stub.Undo(pb.UndoRequest(image_id=images[0].id, annotator="ann", based_on=1, key="u"))
    assert (undone.number, undone.state, len(undone.people)) == (2, pb.STATE_NEW, 0)
    ask = pb.LeaseImageRequest(project_id=project, annotator="ann", seconds=60)
    stub.SkipImage(pb.SkipImageRequest(image_id=images[0].id, annotator="ann", reason="dark"))
    history = stub.GetHistory(pb.GetHistoryRequest(image_id=images[0].id))
    assert [skip.reason for skip in history.skips] == ["dark"]
    held = stub.LeaseImage(ask).image
    assert held.id == images[1].id
    renewed = stub.RenewLease(pb.RenewLeaseRequest(image_id=held.id, annotator="ann", seconds=5000))
    assert renewed.held_until > held.held_until + 1000
    refused(
        stub.RenewLease,
        pb.RenewLeaseRequest(image_id=held.id, annotator="bob"),
        "FAILED_PRECONDITION",
    )
    stub.ReleaseImage(pb.ReleaseImageRequest(image_id=held.id, annotator="ann"))
    bob = pb.LeaseImageRequest(project_id=project, annotator="bob")
    assert stub.LeaseImage(bob).image.id == images[0].id, "bob has skipped nothing"
    cid = pb.LeaseImageRequest(project_id=project, annotator="cid")
    assert {stub.LeaseImage(cid).image.id} == {images[1].id}


def test_nothing_left_to_annotate_is_no_image(stub):
    project = stub.MakeProject(pb.MakeProjectRequest(name="empty"))
    ask = pb.LeaseImageRequest(project_id=project.id, annotator="ann")
    assert not stub.LeaseImage(ask).HasField("image")


@pytest.mark.parametrize(
    ("method", "request_", "code"),
    [
        ("GetAnnotation", pb.GetAnnotationRequest(image_id=99), "NOT_FOUND"),
        ("GetImage", pb.GetImageRequest(image_id=-1), "NOT_FOUND"),
        ("GetImage", pb.GetImageRequest(image_id=1 << 62), "NOT_FOUND"),
        ("ListImages", pb.ListImagesRequest(project_id=99), "NOT_FOUND"),
        ("ListImages", pb.ListImagesRequest(project_id=1, most=1001), "INVALID_ARGUMENT"),
        ("ListImages", pb.ListImagesRequest(project_id=1, state=77), "INVALID_ARGUMENT"),
        ("LeaseImage", pb.LeaseImageRequest(project_id=1), "INVALID_ARGUMENT"),
        ("LeaseImage", pb.LeaseImageRequest(project_id=99, annotator="a"), "NOT_FOUND"),
        ("MakeProject", pb.MakeProjectRequest(name="../up"), "INVALID_ARGUMENT"),
        ("MakeProject", pb.MakeProjectRequest(name="a", keypoints="x"), "INVALID_ARGUMENT"),
        (
            "MakeProject",
            pb.MakeProjectRequest(name="people", keypoints="coco"),
            "FAILED_PRECONDITION",
        ),
        ("Submit", pb.SubmitRequest(image_id=1, annotator="a"), "INVALID_ARGUMENT"),
        ("Review", pb.ReviewRequest(image_id=1, annotator="a", key="k"), "FAILED_PRECONDITION"),
        ("Undo", pb.UndoRequest(image_id=1, annotator="a", key="k"), "FAILED_PRECONDITION"),
        ("Export", pb.ExportRequest(project_id=1), "INVALID_ARGUMENT"),
        ("ImportCoco", pb.ImportCocoRequest(project_id=1, coco=b"{"), "INVALID_ARGUMENT"),
        ("UploadImage", pb.UploadImageRequest(project_id=1, name="x"), "INVALID_ARGUMENT"),
    ],
)
def test_what_cannot_be_is_told_by_status_and_sentence(stub, images, method, request_, code):
    assert refused(getattr(stub, method), request_, code).details()


@pytest.mark.parametrize(
    "change",
    [
        {"keypoints": [1.0] * 33},
        {"keypoints": [1.0] * 32},
        {"keypoints": [float("inf")] * 34},
        {"visibility": [5] * 17},
        {"joints": [1.0] * 50},
        {"joints": [0.0] * 51},
        {"id": 1 << 31},
        {"visibility": [0] * 100_000},
        {"joints": [0.0] * 300_000},
        {"box": Box(x0=5, x1=1, y1=1)},
    ],
)
def test_odd_people_are_refused(stub, images, change):
    odd = pb.AnnotatedPerson(keypoints=[0.0] * 34, visibility=[2] * 17)
    for name, value in change.items():
        odd.ClearField(name)
        odd.MergeFrom(pb.AnnotatedPerson(**{name: value}))
    refused(stub.Submit, submission(images[0], people=[odd]), "INVALID_ARGUMENT")
    assert not stub.GetHistory(pb.GetHistoryRequest(image_id=images[0].id)).revisions


ODD_VALUES: dict[str, list[Any]] = {
    "string": ["", "people", "0.png", "\0", "é" * 70, "x" * 10_000, "../..", "\n", "'; --"],
    "bytes": [b"", b"\0\xff", b"{}", b'{"images": 1}', picture()],
    "number": [0, 1, 2, 2**31 - 1],
    "double": [0.0, -1.0, 1e300, float("nan"), float("inf"), 60.0],
    "bool": [False, True],
}


def odd_message(kind: Any, draw: random.Random) -> Any:
    """A message of some kind whose fields are filled at random with what nobody should send."""
    message = kind()
    for field in kind.DESCRIPTOR.fields:
        if draw.random() < 0.15:
            continue
        many = range(draw.choice([0, 1, 17, 34, 51])) if field.is_repeated else range(1)
        values = [odd_value(message, field, draw) for _ in many]
        if field.is_repeated:
            getattr(message, field.name).extend(values)
        elif field.message_type:
            getattr(message, field.name).CopyFrom(values[0])
        else:
            setattr(message, field.name, values[0])
    return message


def odd_value(message: Any, field: Any, draw: random.Random) -> Any:
    if field.message_type:
        return odd_message(field.message_type._concrete_class, draw)
    kinds = {field.TYPE_STRING: "string", field.TYPE_BYTES: "bytes", field.TYPE_BOOL: "bool"}
    if field.type == field.TYPE_INT64:
        return draw.choice([*ODD_VALUES["number"], -1, 2**62])
    floating = field.type in (field.TYPE_DOUBLE, field.TYPE_FLOAT)
    return draw.choice(ODD_VALUES[kinds.get(field.type, "double" if floating else "number")])


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nothing_that_is_sent_is_the_servers_mistake(
    serve_here, bundle, tmp_path, walker, database, request
):
    """Messages filled at random, and random bytes, for every method."""
    kept = {"annotations": tmp_path / "kept"}
    if database == "postgresql":
        kept["annotations_url"] = request.getfixturevalue("postgres_database")
    draw, seen = random.Random(1), Counter()
    service = pb.DESCRIPTOR.services_by_name["AnnotationService"]
    with serve_here(BundleSource(bundle), walker, **kept) as running, ExitStack() as stack:
        stub = stub_of(running, stack)
        project = stub.MakeProject(pb.MakeProjectRequest(name="people")).id
        upload = {"project_id": project, "name": "0.png", "image": picture()}
        stub.UploadImage(pb.UploadImageRequest(**upload))
        channel = stack.enter_context(grpc.insecure_channel(running.address))
        for method in service.methods:
            send = channel.unary_unary(f"/{service.full_name}/{method.name}")
            for number in range(60):
                odd = odd_message(method.input_type._concrete_class, draw).SerializeToString()
                content = draw.randbytes(40) if number % 10 == 0 else odd
                try:
                    send(content, timeout=30)
                    seen["OK"] += 1
                except grpc.RpcError as error:
                    seen[error.code().name] += 1
                    assert error.code().name in EXPECTED, (method.name, error.details())
                    assert "\n" not in error.details()
    assert seen["INVALID_ARGUMENT"] > 100 and seen["NOT_FOUND"] > 50 and seen["OK"] > 50


EXPECTED = {"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION", "ABORTED"}


def test_only_pictures_are_kept(stub, images, tmp_path):
    project = images[0].project_id
    before = sorted((tmp_path / "kept" / "images").rglob("*"))
    for content in (b"no picture", picture()[:60]):
        upload = pb.UploadImageRequest(project_id=project, name="odd.png", image=content)
        assert "odd.png" in refused(stub.UploadImage, upload, "INVALID_ARGUMENT").details()
    upload = pb.UploadImageRequest(project_id=project, name="0.png", image=picture(77))
    refused(stub.UploadImage, upload, "FAILED_PRECONDITION")
    after = {path.name for path in (tmp_path / "kept" / "images").rglob("*")}
    assert {path.name for path in before} <= after and len(
        stub.ListImages(pb.ListImagesRequest(project_id=project)).images
    ) == 3


def test_a_suggestion_can_be_submitted_as_it_is(stub, walker):
    for keypoints, points in (("human36m", 17), ("coco", 12)):
        project = stub.MakeProject(pb.MakeProjectRequest(name=keypoints, keypoints=keypoints))
        image = stub.UploadImage(
            pb.UploadImageRequest(
                project_id=project.id, name="a.png", image=picture(1, (1000, 1000))
            )
        )
        answer = stub.Suggest(pb.SuggestRequest(image_id=image.id))
        (found,) = answer.people
        assert answer.detector.name == "one walker" and len(answer.model.weight_hash) == 64
        levels = np.array(found.person.visibility)
        assert (levels > 0).sum() == points and (levels == 1).sum() == 1, "one wrist is hidden"
        assert len(found.lifted) == len(found.person.joints) == 51
        assert 1 <= len(found.bodies) <= 2 and found.bodies[0].reprojection_px < 30
        assert found.person.joints == found.bodies[0].joints
        made = stub.Submit(submission(image, people=[found.person], key=keypoints))
        assert made.people[0] == found.person
        heights = np.array(made.people[0].joints).reshape(17, 3)[:, 1]
        assert heights[10] < heights[0] < heights[3], "head above hip above foot"


def test_coco_goes_in_and_out_with_its_ids(stub, images):
    project = stub.MakeProject(pb.MakeProjectRequest(name="coco", keypoints="coco"))
    for number in range(2):
        upload = {"project_id": project.id, "name": f"{number}.png", "image": picture(number)}
        stub.UploadImage(pb.UploadImageRequest(**upload))
    given = {
        "images": [
            {"id": 900 + n, "file_name": f"{n}.png", "width": 64, "height": 48} for n in range(2)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": COCO}],
        "annotations": [
            {"id": 70 + n, "image_id": 900, "category_id": 1, "bbox": [1, 2, 3, 4], "area": 6.5}
            | {"keypoints": [v for at in range(17) for v in (at + n, at, at % 3)], "iscrowd": 0}
            for n in range(2)
        ],
    }
    request = pb.ImportCocoRequest(
        project_id=project.id, annotator="ann", key="k", coco=json.dumps(given).encode()
    )
    for _ in range(2):
        assert stub.ImportCoco(request) == pb.ImportCocoResponse(images=1, people=2)
    again = pb.ImportCocoRequest()
    again.CopyFrom(request)
    again.key = "another"
    refused(stub.ImportCoco, again, "ABORTED")
    wanted = [pb.STATE_SUBMITTED]
    answer = stub.Export(
        pb.ExportRequest(project_id=project.id, format=pb.FORMAT_COCO, states=wanted)
    )
    assert (answer.images, answer.people) == (2, 2), "one of them without people"
    back = json.loads(answer.file)
    assert [image["id"] for image in back["images"]] == [900, 901]
    assert [one["id"] for one in back["annotations"]] == [70, 71]
    for one, was in zip(back["annotations"], given["annotations"], strict=True):
        seen = np.array(was["keypoints"]).reshape(-1, 3)
        assert np.array_equal(np.array(one["keypoints"]).reshape(-1, 3)[:, 2], seen[:, 2])
        assert one["bbox"] == was["bbox"] and one["area"] == was["area"]


def test_clients_import_and_export(running, tmp_path):
    given = {
        "images": [{"id": 7, "file_name": "0.png", "width": 64, "height": 48}],
        "categories": [{"id": 1, "name": "person", "keypoints": COCO}],
        "annotations": [
            {"id": 70, "image_id": 7, "category_id": 1, "keypoints": [9, 8, 2] * 17, "iscrowd": 0}
        ],
    }
    (tmp_path / "people.json").write_text(json.dumps(given))
    with Client(running.address) as client:
        project = client.make_project("coco", "coco")
        client.upload(project.id, "0.png", picture())
        done = client.import_coco(project.id, tmp_path / "people.json", "ann")
        assert (done.images, done.people) == (1, 1)
        assert client.export(project.id).people == 0, "nothing is accepted yet"
        made = client.export(project.id, "coco", ["submitted"])
        assert (made.images, made.people) == (1, 1)
        assert json.loads(made.file)["annotations"][0]["keypoints"] == [9, 8, 2] * 17
        with pytest.raises(InvalidRequest, match="in these states is annotated in 3D"):
            client.export(project.id, "human36m", ["submitted"])


def test_poses_come_out_as_dictionaries(stub, images, tmp_path):
    joints = np.random.default_rng(1).normal(scale=300, size=(17, 3))
    joints -= joints[0]
    full = person(joints=joints.ravel(), camera_pitch_deg=10.0, body_height_mm=1700.0)
    stub.Submit(submission(images[0], people=[full]))
    ask = {"project_id": images[0].project_id, "states": [pb.STATE_SUBMITTED]}
    for format_ in (pb.FORMAT_HUMAN36M, pb.FORMAT_U3DPW):
        answer = stub.Export(pb.ExportRequest(format=format_, **ask))
        (tmp_path / "out.npy").write_bytes(answer.file)
        entries = load_object(tmp_path / "out.npy")
        assert len(entries) == answer.people == 1


def test_an_export_counts_who_is_in_the_file(stub, images):
    full = person(0, joints=BODY, camera_pitch_deg=0.0, body_height_mm=1700.0)
    stub.Submit(submission(images[0], people=[full, person(1)]))
    stub.Submit(submission(images[1], people=[person()], key="flat"))
    ask = {"project_id": images[0].project_id, "states": [pb.STATE_SUBMITTED]}
    counts = {
        format_: (answer.images, answer.people)
        for format_ in (pb.FORMAT_COCO, pb.FORMAT_HUMAN36M, pb.FORMAT_U3DPW)
        for answer in [stub.Export(pb.ExportRequest(format=format_, **ask))]
    }
    assert counts == {
        pb.FORMAT_COCO: (2, 3), pb.FORMAT_HUMAN36M: (1, 1), pb.FORMAT_U3DPW: (2, 3),
    }  # fmt: skip


def test_browsers_annotate_by_http_and_are_told_of_conflicts(serve_here, bundle, tmp_path):
    kept = {"annotations": tmp_path / "kept", "http_address": "127.0.0.1:0"}
    with serve_here(BundleSource(bundle), **kept) as running:

        def call(method: str, **words: Any) -> tuple[int, dict]:
            url = f"http://127.0.0.1:{running.endpoint.http_port}/evoskeleton.v1.AnnotationService"
            data, headers = json.dumps(words).encode(), {"content-type": "application/json"}
            request = urllib.request.Request(f"{url}/{method}", data, headers)
            try:
                with urllib.request.urlopen(request) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as error:
                return error.code, json.load(error)

        project = call("MakeProject", name="people")[1]["id"]
        content = base64.b64encode(picture()).decode()
        upload = call("UploadImage", projectId=project, name="a.png", image=content)[1]
        people = [{"id": 0, "keypoints": [1.5] * 34, "visibility": [2] * 17}]
        words = {"imageId": upload["id"], "annotator": "ann", "people": people}
        assert call("Submit", key="1", **words)[1]["people"][0]["keypoints"] == [1.5] * 34
        status, answer = call("Submit", key="2", **words)
        assert (status, answer["code"]) == (409, "aborted")
        detail, info = answer["details"]
        newest = pb.Revision.FromString(base64.b64decode(detail["value"] + "=="))
        assert detail["type"] == "evoskeleton.v1.Revision" and newest.number == 1
        assert info["type"] == "google.rpc.ErrorInfo"


def test_the_client_annotates(running, walker):
    with Client(running.address) as client:
        project = client.run(annotation_calls.make_project("people"))
        assert client.run(annotation_calls.projects()) == [project]
        there = client.run(annotation_calls.upload(project.id, "a.png", picture(1, (1000, 1000))))
        image = client.run(annotation_calls.lease(project.id, "ann", 60))
        assert image.id == there.id and image.holder == "ann"
        assert client.run(annotation_calls.picture_of(image.id)) == picture(1, (1000, 1000))
        (found,) = client.run(annotation_calls.suggest(image.id)).people
        assert np.allclose(found.bodies[0], found.person.joints) and found.lifted.shape == (17, 3)
        submit = annotation_calls.submit(image.id, [found.person], image.revision, "ann")
        made = client.run(submit)
        assert client.run(submit) == made and made.people == (found.person,)
        with pytest.raises(EndpointError, match="ABORTED") as refusal:
            client.run(annotation_calls.submit(image.id, [], 0, "bob"))
        assert annotation_calls.newest_revision(refusal.value) == made
        verdict = client.run(annotation_calls.review(image.id, False, 1, "eve", "left is right"))
        assert verdict.state == "rejected" and verdict.note == "left is right"
        people = [found.person]
        back = client.run(annotation_calls.submit(image.id, people, 2, "ann"))
        assert back.state == "submitted"
        assert client.run(annotation_calls.history(image.id)) == [made, verdict, back]
        assert client.run(annotation_calls.annotation(image.id, 1)) == made
        client.run(annotation_calls.skip(image.id, "dark", "cid"))
        client.run(annotation_calls.release(image.id, "ann"))
        assert client.run(annotation_calls.lease(project.id, "ann")) is None
        (listed,) = client.run(annotation_calls.images(project.id, "submitted"))
        assert listed.revision == 3
        with pytest.raises(EndpointError, match="FAILED_PRECONDITION"):
            client.run(annotation_calls.renew(image.id, "ann"))


def test_a_server_without_a_store_says_so(serve_here, bundle):
    with serve_here(BundleSource(bundle)) as running, ExitStack() as stack:
        stub = stub_of(running, stack)
        error = refused(stub.ListProjects, pb.ListProjectsRequest(), "FAILED_PRECONDITION")
        assert "--annotations" in error.details()


def test_a_token_is_an_annotator_and_reviews_need_admin(serve_here, bundle, tmp_path):
    tokens = Tokens(tmp_path / "tokens.json")
    headers = {
        name: [("authorization", f"Bearer {tokens.add(name, scopes)}")]
        for name, scopes in {"ann": ["annotate"], "bot": ["infer"], "boss": SCOPES}.items()
    }
    kept = {"annotations": tmp_path / "kept", "tokens": tmp_path / "tokens.json"}
    with serve_here(BundleSource(bundle), **kept) as running, ExitStack() as stack:
        stub = stub_of(running, stack)
        make = pb.MakeProjectRequest(name="people")
        refused(stub.MakeProject, make, "PERMISSION_DENIED", metadata=headers["ann"])
        refused(stub.MakeProject, make, "UNAUTHENTICATED")
        project = stub.MakeProject(make, metadata=headers["boss"])
        refused(
            stub.ListProjects, pb.ListProjectsRequest(), "PERMISSION_DENIED",
            metadata=headers["bot"],
        )  # fmt: skip
        upload = pb.UploadImageRequest(project_id=project.id, name="a.png", image=picture())
        image = stub.UploadImage(upload, metadata=headers["ann"])
        asked = pb.LeaseImageRequest(project_id=project.id)
        assert stub.LeaseImage(asked, metadata=headers["ann"]).image.holder == "ann"
        posing = submission(image, annotator="bob")
        error = refused(stub.Submit, posing, "PERMISSION_DENIED", metadata=headers["ann"])
        assert "annotator should be ann" in error.details()
        made = stub.Submit(submission(image, annotator=""), metadata=headers["ann"])
        assert made.annotator == "ann"
        review = pb.ReviewRequest(image_id=image.id, based_on=1, key="r", accept=True)
        refused(stub.Review, review, "PERMISSION_DENIED", metadata=headers["ann"])
        assert stub.Review(review, metadata=headers["boss"]).annotator == "boss"


def test_a_postgres_store_is_served_too_and_its_absence_is_told(
    serve_here, bundle, tmp_path, postgres_database
):
    kept = {"annotations": tmp_path / "kept", "annotations_url": postgres_database}
    with serve_here(BundleSource(bundle), **kept) as running, ExitStack() as stack:
        stub = stub_of(running, stack)
        project = stub.MakeProject(pb.MakeProjectRequest(name="people"))
        assert list(stub.ListProjects(pb.ListProjectsRequest()).projects) == [project]
