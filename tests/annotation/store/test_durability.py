"""What was accepted is there, whatever happens to the server."""

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("grpc", reason="the extra `serve` is not installed")
pytest.importorskip("sqlalchemy", reason="the extra `serve` is not installed")

from evoskeleton.annotation.client import CallSettings, Client
from evoskeleton.annotation.client.inference_calls import Call
from evoskeleton.annotation.domain.records import Picture
from evoskeleton.annotation.generated import annotation_pb2 as pb
from evoskeleton.annotation.generated.annotation_pb2_grpc import AnnotationServiceStub
from evoskeleton.annotation.store.annotation_store import AnnotationStore, store_in

IMAGES = 8
PATIENT = CallSettings.parse({"timeout_s": 120.0, "longest_pause_s": 0.2, "attempts": 10_000})


def submit(client: Client, image: int, number: int) -> pb.Revision:
    points = [float(number)] * 34
    request = pb.SubmitRequest(
        image_id=image,
        annotator="ann",
        based_on=number,
        key=f"{image}-{number}",
        people=[pb.AnnotatedPerson(id=number, keypoints=points, visibility=[2] * 17)],
    )
    return client.run(Call(AnnotationServiceStub, "Submit", request, lambda answer: answer))


@dataclass(frozen=True)
class Kept:
    """Where a store is; no URL: SQLite in its folder."""

    folder: Path
    url: str | None

    def open(self) -> AnnotationStore:
        return store_in(self.folder, self.url)

    def options(self) -> list[str]:
        named = [] if self.url is None else ["--annotations-url", self.url]
        return ["--annotations", str(self.folder), *named]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """A project of images."""
    sqlite = request.param == "sqlite"
    kept = Kept(tmp_path / "kept", None if sqlite else request.getfixturevalue("postgres_database"))
    store = kept.open()
    project = store.make_project("people")
    for number in range(IMAGES):
        store.add_image(project.id, f"{number}.png", Picture(bytes([number]), 64, 48))
    store.close()
    return kept


@pytest.mark.slow
@pytest.mark.parametrize(("each", "kills"), [(12, 1), pytest.param(125, 3, marks=pytest.mark.long)])
def test_no_submission_is_lost_when_the_server_is_killed(
    serving, bundle, kept, tmp_path, each, kills
):
    """Clients go on over kill -9 and restarts; each submission is there once, in its order."""
    random_ = random.Random(1)
    accepted: dict[int, list[int]] = {image: [] for image in range(1, IMAGES + 1)}
    port = 0

    def annotate(image: int, client: Client) -> None:
        for number in range(each):
            answer = submit(client, image, number)
            accepted[image].append(answer.number)

    with ThreadPoolExecutor(IMAGES) as pool:
        clients: list[Client] = []
        work: list[Any] = []
        for life in range(kills + 1):
            with serving(bundle, tmp_path / f"log{life}", *kept.options(), port=port) as served:
                port = served.port
                if not clients:
                    clients = [Client(served.address, settings=PATIENT) for _ in range(IMAGES)]
                    work = [pool.submit(annotate, i + 1, c) for i, c in enumerate(clients)]
                if life == kills:
                    assert [one.result(120) for one in work] == [None] * IMAGES
                    continue
                before = sum(map(len, accepted.values()))
                wanted = before + random_.randint(each // 3, each * 8 // 5)
                while sum(map(len, accepted.values())) < wanted:
                    time.sleep(random_.uniform(0.0, 0.003))
                served.process.send_signal(signal.SIGKILL)
                served.process.wait()
                check(kept, {image: list(numbers) for image, numbers in accepted.items()})
    for client in clients:
        client.close()
    assert sum(map(len, accepted.values())) == IMAGES * each
    check(kept, accepted, each)


def check(kept: Kept, accepted: dict[int, list[int]], all_of_them: int | None = None) -> None:
    """Whatever was answered is in the store."""
    store = kept.open()
    for image, numbers in accepted.items():
        history = store.history(image)
        assert [revision.number for revision in history] == list(range(1, len(history) + 1))
        assert [revision.people[0].id for revision in history] == list(range(len(history)))
        assert numbers == list(range(1, len(numbers) + 1)) and len(history) >= len(numbers)
        assert all_of_them is None or len(history) == all_of_them
    store.close()


class PowerCut(Exception):
    """The moment at which everything ends."""


def test_a_picture_whose_row_is_there_is_there_whole(tmp_path):
    """The row is written after the file: a crash in between leaves a file that nobody names."""
    project = store_in(tmp_path).make_project("people")

    def cut() -> float:
        raise PowerCut

    url, images = f"sqlite:///{tmp_path}/annotations.db", tmp_path / "images"
    with pytest.raises(PowerCut):
        AnnotationStore(url, images, cut).add_image(project.id, "a.png", Picture(b"whole", 1, 1))
    assert len(list(images.rglob("*"))) == 2, "its folder and itself"
    store = AnnotationStore(url, images)
    assert store.images(project.id) == []
    assert store.content(store.add_image(project.id, "a.png", Picture(b"whole", 1, 1))) == b"whole"
