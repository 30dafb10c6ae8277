"""What every method of both services answers to fixed requests, as plain data.

`python -m pins.answers FOLDER` writes FOLDER/answers.json: a list of calls in the order in which
they were sent, each with the answer or with the status code and the sentence of the refusal.
"""

import hashlib
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from conftest import served
from google.protobuf.json_format import MessageToDict
from pins.annotated import in_3d, person, picture
from pins.campaign import motion

from evoskeleton.annotation.generated import annotation_pb2, common_pb2, inference_pb2
from evoskeleton.annotation.generated.annotation_pb2_grpc import AnnotationServiceStub
from evoskeleton.annotation.generated.inference_pb2_grpc import InferenceServiceStub
from evoskeleton.annotation.serving.champions import BundleSource
from evoskeleton.annotation.serving.detection_queue import ServedDetector
from evoskeleton.lifting.cameras import FOCAL_PX
from evoskeleton.pose2d.detector import Person

HOME = Path(__file__).resolve().parent / "fixtures" / "home.zip"
BUNDLE = "pinned/trainings/g000004/bundle"
CLOCK = ("created", "held_until")


class OneWalker:
    """A detector that sees one walker in every picture, or one in every box."""

    def detect(self, image: np.ndarray, boxes: Any = None, watch: Any = None) -> list[Person]:
        """Keypoints four metres before the camera; one joint is hidden and one unknown."""
        walker = motion()[10]
        side = walker[:, [1, 2]] - walker[:1, [1, 2]]
        points = (500.0 + FOCAL_PX * side * [1.0, -1.0] / 4000.0).astype(np.float32)
        sure, seen = np.full(17, 0.75, np.float32), np.ones(17, np.float32)
        seen[13], points[10] = 0.125, np.nan
        sure[10] = seen[10] = 0.0
        return [
            Person(np.array([100, 200, 300, 400 + n], np.float32), 0.5, points + n, sure, seen,
                   ("Spine",))
            for n in range(1 if boxes is None else len(boxes))
        ]  # fmt: skip


def plain(message: Any) -> Any:
    """A message as plain data: packed numbers as numbers, bytes as hashes, no times."""
    if isinstance(message, common_pb2.FloatArray):
        if message.packed:
            return _numbers(np.frombuffer(message.packed, "<f4").tolist())
        return _numbers(list(message.values))
    words: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        if field.has_presence and not message.HasField(field.name):
            continue
        value = getattr(message, field.name)
        if field.name in CLOCK:
            words[field.name] = "some time" if value else 0
        elif field.message_type and field.message_type.GetOptions().map_entry:
            words[field.name] = _numbers(dict(value))
        elif field.message_type:
            words[field.name] = [*map(plain, value)] if field.is_repeated else plain(value)
        elif field.type == field.TYPE_BYTES:
            words[field.name] = f"{len(value)} {hashlib.sha256(value).hexdigest()}"
        else:
            words[field.name] = _numbers(list(value) if field.is_repeated else value)
    return words


def _numbers(value: Any) -> Any:
    """Floats with nine digits, NaN as a word."""
    if isinstance(value, list):
        return [_numbers(part) for part in value]
    if isinstance(value, dict):
        return {name: _numbers(value[name]) for name in sorted(value)}
    if isinstance(value, float):
        return float(f"{value:.9g}") if np.isfinite(value) else str(value)
    return value


class Calls:
    """Sends requests and keeps what comes."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address)
        self._stubs = AnnotationServiceStub(self._channel), InferenceServiceStub(self._channel)
        self.kept: list[dict[str, Any]] = []

    def send(self, method: str, what: str = "", **fields: Any) -> Any:
        """One call; its answer, or nothing where it was refused."""
        request, call = self._of(method)
        kept: dict[str, Any] = {"method": method, "what": what}
        self.kept.append(kept)
        try:
            answer = call(request(**fields), timeout=60)
        except grpc.RpcError as error:
            kept |= self._refused(error)
            return None
        kept["answer"] = plain(answer)
        assert MessageToDict(answer) is not None, "every answer has a form in JSON"
        return answer

    def stream(self, what: str, *frames: dict[str, Any]) -> None:
        """A stream of pictures, answered as they come."""
        request, call = self._of("StreamPoses")
        answers = [plain(told) for told in call(iter([request(**f) for f in frames]), timeout=60)]
        self.kept.append({"method": "StreamPoses", "what": what, "answer": answers})

    def _of(self, method: str) -> tuple[Any, Any]:
        for stub, messages in zip(self._stubs, (annotation_pb2, inference_pb2), strict=True):
            if hasattr(stub, method):
                return getattr(messages, f"{method}Request"), getattr(stub, method)
        raise AttributeError(method)

    def _refused(self, error: grpc.RpcError) -> dict[str, Any]:
        trailers = dict(error.trailing_metadata() or ())
        known = {n: trailers[n] for n in ("current-revision", "retry-after-ms") if n in trailers}
        return {"code": error.code().name, "sentence": error.details(), "trailers": known}

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def infer(calls: Calls) -> None:
    """Every method of InferenceService."""
    model = calls.send("GetModel")
    calls.send("RefreshModel")
    points = (500 + 150 * np.random.default_rng(2).normal(size=(2, 133, 2))).astype("<f4")
    seen = (np.random.default_rng(3).uniform(size=(2, 133)) > 0.2).astype("<f4")
    for schema in model.schemas:
        count = len(schema.points)
        given = {"packed": np.ascontiguousarray(points[:, :count]).tobytes()}
        known = {"packed": np.ascontiguousarray(seen[:, :count]).tobytes()}
        more = {"schema": schema.name, "width": 1000, "height": 1000}
        calls.send("LiftKeypoints", schema.name, keypoints=given, **more)
        calls.send("LiftKeypoints", f"{schema.name}, seen", keypoints=given, visibility=known,
                   **more)  # fmt: skip
    calls.send("LiftKeypoints", "values", keypoints={"values": points[0, :17].ravel().tolist()})
    calls.send("LiftKeypoints", "no schema", schema="nobody's", keypoints={"values": [1.0] * 34})
    calls.send("LiftKeypoints", "too few", keypoints={"values": [1.0] * 33})
    calls.send("LiftKeypoints", "nothing")
    boxes = [common_pb2.Box(x0=1, y0=2, x1=30, y1=40), common_pb2.Box(x0=5, y0=2, x1=30, y1=40)]
    for method in ("DetectPeople", "EstimatePoses"):
        calls.send(method, image=picture(1))
        calls.send(method, "boxes", image=picture(1), boxes=boxes)
        calls.send(method, "no picture", image=b"none")
    frames = [{"frame": number, "image": picture(number)} for number in (4, 7)]
    calls.stream("two pictures and none", *frames, {"frame": 9, "image": b"none"})


def message(words: dict[str, Any]) -> annotation_pb2.AnnotatedPerson:
    """A person as a message."""
    made = annotation_pb2.AnnotatedPerson(
        id=words["id"],
        keypoints=np.ravel(words["keypoints"]).tolist(),
        visibility=words["visibility"],
        joints=np.ravel(words.get("joints", [])).tolist(),
        camera_pitch_deg=words.get("camera_pitch_deg"),
        body_height_mm=words.get("body_height_mm"),
    )
    if "box" in words:
        made.box.CopyFrom(common_pb2.Box(**dict(zip(("x0", "y0", "x1", "y1"), words["box"],
                                                    strict=True))))  # fmt: skip
    return made


def annotate(calls: Calls) -> None:
    """Every method of AnnotationService."""
    project = calls.send("MakeProject", name="people").id
    calls.send("MakeProject", "again", name="people")
    calls.send("MakeProject", "other schema", name="people", keypoints="coco")
    calls.send("MakeProject", "odd name", name="../up")
    calls.send("MakeProject", "another", name="crowd", keypoints="coco")
    calls.send("ListProjects")
    for number in range(4):
        given = {"name": f"{number}.bmp", "image": picture(number)}
        calls.send("UploadImage", project_id=project, **given)
    calls.send("UploadImage", "again", project_id=project, **given)
    calls.send("UploadImage", "other", project_id=project, name="3.bmp", image=picture(9))
    calls.send("UploadImage", "no picture", project_id=project, name="4.bmp", image=b"none")
    calls.send("ListImages", project_id=project, after=1, most=2)
    calls.send("ListImages", "too many", project_id=project, most=1001)
    calls.send("ListImages", "no project", project_id=99)
    calls.send("GetImage", image_id=2)
    calls.send("GetImage", "none", image_id=99)
    ann, bob = {"annotator": "ann"}, {"annotator": "bob"}
    calls.send("LeaseImage", project_id=project, seconds=60, **ann)
    calls.send("LeaseImage", "nobody", project_id=project)
    calls.send("LeaseImage", "too long", project_id=project, seconds=1e6, **ann)
    calls.send("RenewLease", image_id=1, seconds=600, **ann)
    calls.send("RenewLease", "held", image_id=1, **bob)
    calls.send("Submit", "held", image_id=1, key="b", **bob)
    calls.send("SkipImage", image_id=1, reason="dark", **bob)
    calls.send("SkipImage", "no reason", image_id=1, **bob)
    people = [message(in_3d(0, 12.5)), message(person(3, box=[1.0, 2.0, 30.5, 40.25]))]
    calls.send("Submit", "draft", image_id=1, key="d", people=people[:1], draft=True, **ann)
    calls.send("Submit", image_id=1, key="s", based_on=1, people=people, note="höher", **ann)
    calls.send("Submit", "again", image_id=1, key="s", based_on=1, people=people, note="höher",
               **ann)  # fmt: skip
    calls.send("Submit", "stale", image_id=1, key="t", based_on=1, **ann)
    calls.send("Submit", "used key", image_id=1, key="s", based_on=2, **ann)
    odd = annotation_pb2.AnnotatedPerson(id=1, keypoints=[1.0], visibility=[2])
    calls.send("Submit", "odd", image_id=1, key="o", based_on=2, people=[odd], **ann)
    calls.send("Undo", image_id=1, key="u", based_on=2, note="no", **ann)
    calls.send("Review", "a draft", image_id=1, key="r", based_on=3, accept=True, **bob)
    calls.send("Submit", "once more", image_id=1, key="m", based_on=3, people=people, **ann)
    calls.send("Review", "reject", image_id=1, key="x", based_on=4, note="why", **bob)
    calls.send("Review", "accept", image_id=1, key="y", based_on=5, accept=True, **bob)
    calls.send("Undo", "accepted", image_id=1, key="v", based_on=6, **ann)
    calls.send("ReleaseImage", image_id=1, **ann)
    calls.send("GetAnnotation", image_id=1)
    calls.send("GetAnnotation", "first", image_id=1, number=1)
    calls.send("GetAnnotation", "none", image_id=1, number=77)
    calls.send("GetHistory", image_id=1, after=1, most=3)
    calls.send("Suggest", image_id=2)
    calls.send("Suggest", "boxes", image_id=2, boxes=[common_pb2.Box(x0=1, y0=1, x1=9, y1=9)])
    formats = annotation_pb2.Format
    states = [annotation_pb2.STATE_ACCEPTED, annotation_pb2.STATE_SUBMITTED]
    coco = calls.send("Export", "coco", project_id=project, format=formats.FORMAT_COCO).file
    calls.send("Export", "human36m", project_id=project, format=formats.FORMAT_HUMAN36M)
    calls.send("Export", "u3dpw", project_id=project, format=formats.FORMAT_U3DPW, states=states)
    calls.send("Export", "no format", project_id=project)
    again = {"project_id": project, "annotator": "bob", "key": "c"}
    calls.send("ImportCoco", "accepted", coco=coco, **again)
    moved = coco.replace(b"1.bmp", b"2.bmp").replace(b"0.bmp", b"2.bmp")
    calls.send("ImportCoco", coco=moved, **again)
    calls.send("ImportCoco", "no file", coco=b"{", **again)
    calls.send("ListImages", "at the end", project_id=project)


def main(folder: Path) -> None:
    """Serve the recorded champion, and ask."""
    with zipfile.ZipFile(HOME) as archive:
        members = [name for name in archive.namelist() if name.startswith(BUNDLE)]
        archive.extractall(folder, members)
    detector = ServedDetector(OneWalker(), "one walker", "1", "1" * 64)
    kept = {"annotations": folder / "kept"}
    with served(BundleSource(folder / BUNDLE), detector, **kept) as running:
        calls = Calls(running.address)
        infer(calls)
        annotate(calls)
        calls.close()
    words = json.dumps(calls.kept, sort_keys=True, ensure_ascii=False)
    (folder / "answers.json").write_text(words.replace('{"answer"', '\n{"answer"') + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
