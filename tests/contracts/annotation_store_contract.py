"""What every annotation store promises, whatever database it keeps its rows in.

A database inherits the class and gives the fixture `url` of an empty database.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy", reason="the extra `serve` is not installed")

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from evoskeleton.annotation.domain.records import (
    AnnotationImage,
    Change,
    NotKept,
    NotNow,
    NotThere,
    Picture,
    Stale,
)
from evoskeleton.annotation.store.annotation_store import AnnotationStore
from evoskeleton.annotation.store.database import migrate, open_database, reading, writing
from evoskeleton.annotation.store.tables import METADATA
from evoskeleton.errors import BadInput


def person(number: int = 0, x: float = 1.0) -> dict[str, Any]:
    return {"id": number, "keypoints": [[x, 2.0]] * 17, "visibility": [2] * 16 + [1]}


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class AnnotationStoreContract:
    @pytest.fixture
    def clock(self) -> Clock:
        return Clock()

    @pytest.fixture
    def store(self, url: str, tmp_path: Path, clock: Clock) -> Iterator[AnnotationStore]:
        store = AnnotationStore(url, tmp_path / "images", clock)
        yield store
        store.close()

    @pytest.fixture
    def fill(self, store: AnnotationStore) -> Callable[[int], list[AnnotationImage]]:
        def add(count: int) -> list[AnnotationImage]:
            project = store.make_project("people")
            pictures = (Picture(bytes([number]), 640, 480) for number in range(count))
            return [store.add_image(project.id, f"{n}.jpg", p) for n, p in enumerate(pictures)]

        return add

    @pytest.fixture
    def image(self, fill) -> AnnotationImage:
        return fill(1)[0]

    def test_a_project_is_made_once_and_keeps_its_keypoints(self, store):
        made = store.make_project("people", "coco")
        assert store.make_project("people", "coco") == made == store.project("people")
        assert store.projects() == [made]
        with pytest.raises(BadInput, match="people is there already, with keypoints coco"):
            store.make_project("people", "human36m")
        for other in ("mpii", "blazepose", "human36m_32", ""):
            with pytest.raises(BadInput, match="should be human36m or coco, got"):
                store.make_project("other", other)
        for name in ("", "a b", "../a", ".a", "é"):
            with pytest.raises(BadInput, match="a project's name should be"):
                store.make_project(name)

    def test_a_picture_comes_back_as_it_was_and_is_kept_once(self, store, image, tmp_path):
        assert store.content(image) == bytes([0])
        again = store.add_image(image.project_id, image.name, Picture(bytes([0]), 640, 480))
        assert again == image
        copy = store.add_image(image.project_id, "copy.jpg", Picture(bytes([0]), 640, 480))
        assert copy.id != image.id and copy.sha256 == image.sha256
        assert len([p for p in (tmp_path / "images").rglob("*") if p.is_file()]) == 1
        with pytest.raises(NotNow, match=r"0\.jpg .* another picture"):
            store.add_image(image.project_id, image.name, Picture(b"other", 640, 480))

    def test_what_is_not_there_is_told(self, store, image):
        for ask in (store.image, store.history, store.revision):
            for number in (99, 0, -1, 2**31, 2**62):
                with pytest.raises(NotThere, match=f"there is no image {number}"):
                    ask(number)
        with pytest.raises(NotThere, match="there is no project 99"):
            store.lease_next(99, "ann")
        with pytest.raises(NotThere, match="no project 'nobody'"):
            store.project("nobody")
        for number in (7, 2**32 - 1):
            with pytest.raises(NotThere, match=f"no revision {number}"):
                store.revision(image.id, number)
        assert store.images(image.project_id, after=2**62) == []
        assert store.history(image.id, after=2**32 - 1) == []

    def test_images_are_listed_page_by_page_and_by_state(self, store, fill):
        images = fill(5)
        project = images[0].project_id
        assert store.images(project, most=2) == images[:2]
        assert store.images(project, after=images[1].id, most=2) == images[2:4]
        store.change(Change("submit", images[3].id, "ann", 0, "k", [person()]))
        assert [image.id for image in store.images(project, "submitted")] == [images[3].id]

    def test_a_folder_that_takes_no_files_is_told_and_no_row_is_made(self, url, tmp_path):
        (tmp_path / "file").write_text("no folder")
        store = AnnotationStore(url, tmp_path / "file" / "images")
        project = store.make_project("people")
        with pytest.raises(NotKept, match="image folder .*: Not a directory"):
            store.add_image(project.id, "a.jpg", Picture(b"a", 1, 1))
        assert store.images(project.id) == []
        store.close()

    def test_a_file_that_is_gone_is_told(self, store, image, tmp_path):
        (tmp_path / "images" / image.sha256[:2] / image.sha256).unlink()
        with pytest.raises(NotThere, match="is gone"):
            store.content(image)

    # Leases

    def test_an_annotator_gets_the_first_image_and_keeps_it(self, store, fill):
        first, second = fill(2)
        assert store.lease_next(first.project_id, "ann").id == first.id
        assert store.lease_next(first.project_id, "bob").id == second.id
        assert store.lease_next(first.project_id, "ann").id == first.id
        assert store.lease_next(first.project_id, "cid") is None

    def test_a_lease_ends_unless_it_is_renewed(self, store, image, clock):
        held = store.lease_next(image.project_id, "ann", 60)
        assert (held.holder, held.held_until) == ("ann", clock.now + 60)
        clock.now += 50
        assert store.renew(image.id, "ann", 60).held_until == clock.now + 60
        clock.now += 59
        assert store.lease_next(image.project_id, "bob") is None
        clock.now += 1
        assert store.lease_next(image.project_id, "bob").id == image.id
        with pytest.raises(NotNow, match="annotated by bob"):
            store.renew(image.id, "ann")

    def test_a_lease_that_ran_out_is_renewed_while_nobody_has_taken_the_image(
        self, store, image, clock
    ):
        store.lease_next(image.project_id, "ann", 60)
        clock.now += 1000
        assert store.renew(image.id, "ann").holder == "ann"
        assert store.lease_next(image.project_id, "bob") is None

    def test_only_the_holder_gives_an_image_back(self, store, image):
        store.lease_next(image.project_id, "ann")
        store.release(image.id, "bob")
        assert store.lease_next(image.project_id, "bob") is None
        assert store.release(image.id, "ann").holder == ""
        assert store.lease_next(image.project_id, "bob").id == image.id

    @pytest.mark.parametrize("seconds", [0, -5, 1e9, float("nan")])
    def test_a_lease_of_odd_length_is_refused(self, store, image, seconds):
        with pytest.raises(BadInput, match="a lease should be 1 to 86400 seconds"):
            store.lease_next(image.project_id, "ann", seconds)

    def test_who_skips_an_image_does_not_get_it_again_but_others_do(self, store, fill):
        first, second = fill(2)
        store.lease_next(first.project_id, "ann")
        store.skip(first.id, "ann", "nobody to be seen")
        store.skip(first.id, "ann", "said twice")
        assert store.lease_next(first.project_id, "ann").id == second.id
        assert store.lease_next(first.project_id, "bob").id == first.id
        (skip,) = store.skips(first.id)
        assert (skip.annotator, skip.reason) == ("ann", "nobody to be seen")

    def test_many_annotators_at_once_never_hold_the_same_image(self, store, fill):
        images = fill(24)
        start = threading.Barrier(12)

        def work(name: str) -> list[int]:
            start.wait()
            done = []
            while (image := store.lease_next(images[0].project_id, name)) is not None:
                done.append(image.id)
                key = f"{image.id}"
                store.change(Change("submit", image.id, name, 0, key, [person()]))
            return done

        with ThreadPoolExecutor(12) as pool:
            done = [number for part in pool.map(work, map(str, range(12))) for number in part]
        assert sorted(done) == [image.id for image in images], "each exactly once"
        assert all(len(store.history(image.id)) == 1 for image in images)

    def test_many_annotators_who_only_ask_hold_different_images(self, store, fill):
        project = fill(20)[0].project_id
        with ThreadPoolExecutor(16) as pool:
            held = list(pool.map(lambda n: store.lease_next(project, f"a{n}"), range(16)))
        assert len({image.id for image in held}) == 16

    def test_an_annotator_who_asks_many_times_at_once_gets_one_image(self, store, fill):
        images = fill(6)
        together = threading.Barrier(4)

        def ask(name: str) -> tuple[str, int]:
            together.wait(30)
            return name, store.lease_next(images[0].project_id, name).id

        with ThreadPoolExecutor(4) as pool:
            for _ in range(10):
                got = set(pool.map(ask, ["ann", "ann", "ann", "bob"]))
                assert len(got) == 2, got
                for name, image in got:
                    store.release(image, name)

    # Revisions

    def test_a_submission_is_there_afterwards_and_ends_the_lease(self, store, image):
        store.lease_next(image.project_id, "ann")
        made = store.change(Change("submit", image.id, "ann", 0, "k", [person(3, 7.5)], "a note"))
        assert (made.number, made.state, made.note) == (1, "submitted", "a note")
        assert made.people[0].id == 3 and made.people[0].keypoints[0] == (7.5, 2.0)
        assert store.revision(image.id) == made
        assert store.image(image.id).holder == ""
        assert store.lease_next(image.project_id, "bob") is None, "it is done"

    def test_a_draft_keeps_the_lease_and_is_open(self, store, image, clock):
        store.lease_next(image.project_id, "ann", 60)
        store.change(Change("draft", image.id, "ann", 0, "k", [person()]))
        assert store.image(image.id).holder == "ann"
        clock.now += 61
        assert store.lease_next(image.project_id, "bob").state == "draft"

    def test_a_stale_revision_is_refused_and_changes_nothing(self, store, image):
        store.change(Change("submit", image.id, "ann", 0, "k", [person()]))
        before = store.image(image.id), store.history(image.id)
        for action in ("submit", "draft", "undo", "accept"):
            with pytest.raises(Stale, match="at revision 1 by ann, .* based on 0") as refusal:
                store.change(Change(action, image.id, "bob", 0, action, [person(5)]))
            assert refusal.value.current == before[1][0]
        assert (store.image(image.id), store.history(image.id)) == before
        merged = Change("submit", image.id, "bob", 1, "merged", [person(), person(5)])
        assert store.change(merged).number == 2

    def test_a_repeated_key_gets_the_first_answer(self, store, image):
        change = Change("submit", image.id, "ann", 0, "k", [person()])
        first = store.change(change)
        store.change(Change("submit", image.id, "ann", 1, "k2", [person(1)]))
        assert store.change(change) == first
        assert len(store.history(image.id)) == 2
        with pytest.raises(BadInput, match="key k of ann was used for another change"):
            store.change(replace(change, people=[person(9)]))
        other = store.change(Change("submit", image.id, "bob", 2, "k", [person()]))
        assert other.number == 3, "keys of others are their own"

    def test_the_same_request_many_times_at_once_is_done_once(self, store, fill):
        first, second = fill(2)
        change = Change("submit", first.id, "ann", 0, "k", [person()])
        elsewhere = replace(change, image_id=second.id)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(store.change, [change] * 8))
        assert answers == [answers[0]] * 8
        with pytest.raises(BadInput, match="was used for another change"):
            store.change(elsewhere)

    def test_one_of_many_different_requests_at_once_wins(self, store, image):
        def ask(number: int) -> bool:
            try:
                store.change(Change("submit", image.id, f"a{number}", 0, "k", [person(number)]))
            except Stale:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(ask, range(8))) == 1
        assert len(store.history(image.id)) == 1

    def test_nobody_writes_where_somebody_else_works(self, store, image, clock):
        store.lease_next(image.project_id, "ann", 60)
        change = Change("submit", image.id, "bob", 0, "k", [person()])
        with pytest.raises(NotNow, match="being annotated by ann; nothing was changed"):
            store.change(change)
        clock.now += 60
        assert store.change(change).annotator == "bob"

    def test_undo_goes_back_step_by_step_and_forgets_nothing(self, store, image):
        for number in range(3):
            store.change(Change("submit", image.id, "ann", number, f"k{number}", [person(number)]))
        seen = []
        for number in range(3, 6):
            back = store.change(Change("undo", image.id, "ann", number, f"u{number}"))
            seen.append(([one.id for one in back.people], back.state))
        assert seen == [([1], "submitted"), ([0], "submitted"), ([], "new")]
        assert [r.action for r in store.history(image.id)] == ["submit"] * 3 + ["undo"] * 3
        assert [r.number for r in store.history(image.id, after=2, most=3)] == [3, 4, 5]
        assert [r.people[0].id for r in store.history(image.id)[:3]] == [0, 1, 2]

    def test_nothing_is_undone_before_the_first_revision(self, store, image):
        with pytest.raises(NotNow, match="has nothing to undo"):
            store.change(Change("undo", image.id, "ann", 0, "k"))
        store.change(Change("submit", image.id, "ann", 0, "s", [person()]))
        store.change(Change("undo", image.id, "ann", 1, "u1"))
        with pytest.raises(NotNow, match="has nothing to undo"):
            store.change(Change("undo", image.id, "ann", 2, "u2"))
        assert store.image(image.id).revision == 2, "nothing is added where nothing is undone"

    def test_a_review_accepts_or_sends_back(self, store, image):
        submit = Change("submit", image.id, "ann", 0, "k", [person()])
        with pytest.raises(NotNow, match="is new: only what is submitted is reviewed"):
            store.change(Change("accept", image.id, "eve", 0, "early"))
        store.change(submit)
        rejected = store.change(Change("reject", image.id, "eve", 1, "r", note="left is right"))
        assert rejected.people == store.revision(image.id, 1).people
        assert store.lease_next(image.project_id, "ann").state == "rejected"
        store.change(Change("submit", image.id, "ann", 2, "k2", [person(1)]))
        assert store.change(Change("accept", image.id, "eve", 3, "a")).state == "accepted"
        assert store.lease_next(image.project_id, "bob") is None

    def test_what_was_sent_back_is_given_out_before_drafts_and_new_images(self, store, fill):
        new, draft, rejected = fill(3)
        store.change(Change("draft", draft.id, "ann", 0, "d", [person()]))
        store.change(Change("submit", rejected.id, "ann", 0, "s", [person()]))
        store.change(Change("reject", rejected.id, "eve", 1, "r"))
        given = [store.lease_next(new.project_id, name).id for name in ("a", "b", "c")]
        assert given == [rejected.id, draft.id, new.id]

    def test_what_is_accepted_is_changed_by_nobody_but_a_reviewer(self, store, image):
        store.change(Change("submit", image.id, "ann", 0, "k", [person()]))
        store.change(Change("accept", image.id, "eve", 1, "a"))
        for action in ("submit", "draft", "undo"):
            with pytest.raises(NotNow, match="a reviewer may reject it first"):
                store.change(Change(action, image.id, "ann", 2, f"x{action}", [person(1)]))
        store.change(Change("reject", image.id, "eve", 2, "r"))
        with pytest.raises(NotNow, match="rejected by eve: a verdict is not undone"):
            store.change(Change("undo", image.id, "ann", 3, "u"))

    def test_people_come_back_digit_by_digit(self, store, image):
        words = person(2, 0.1 + 0.2) | {
            "box": [0.5, 1.25, 100.125, 200.0],
            "joints": [[1.1 * n, -2.2 * n, 3.3 * n] for n in range(17)],
            "camera_pitch_deg": 12.5,
            "body_height_mm": 1700.0,
            "coco": {"id": 2**40, "area": 12.75, "iscrowd": 0, "segmentation": "[[1, 2.5]]"},
            "origin": ["touched", *["suggested"] * 16],
            "confidence": [0.25] * 17,
        }
        made = store.change(Change("submit", image.id, "ann", 0, "k", [words]))
        assert store.revision(image.id) == made
        assert made.people[0].model_dump(mode="json", exclude_none=True) == words

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"keypoints": [[1.0, 2.0]] * 16}, "keypoints should be of 17 points, got 16"),
            ({"visibility": [2] * 18}, "visibility should be of 17 points, got 18"),
            ({"visibility": [3] * 17}, "visibility"),
            ({"keypoints": [[float("nan"), 2.0]] * 17}, "keypoints"),
            ({"box": [5, 0, 1, 1]}, "x0 < x1"),
            ({"joints": [[0, 0, 0]] * 17}, "camera_pitch_deg and body_height_mm"),
            ({"id": -1}, "id"),
            ({"kepoints": []}, "kepoints"),
        ],
    )
    def test_people_that_cannot_be_are_refused_and_nothing_is_kept(
        self, store, image, change, sentence
    ):
        with pytest.raises(BadInput, match=sentence) as refusal:
            store.change(Change("submit", image.id, "ann", 0, "k", [person() | change]))
        assert "person 0" in str(refusal.value) and "\n" not in str(refusal.value)
        assert store.history(image.id) == [] and store.image(image.id) == image

    def test_two_people_with_one_id_and_crowds_are_refused(self, store, image):
        with pytest.raises(BadInput, match="different ids"):
            store.change(Change("submit", image.id, "ann", 0, "k", [person(), person()]))
        with pytest.raises(BadInput, match="at most 100 people, got 101"):
            people = [person(number) for number in range(101)]
            store.change(Change("submit", image.id, "ann", 0, "k", people))

    @pytest.mark.parametrize("text", ["", "x" * 101, "a\0b"])
    def test_odd_keys_and_names_are_refused(self, store, image, text):
        with pytest.raises(BadInput):
            store.change(Change("submit", image.id, "ann", 0, text, [person()]))
        with pytest.raises(BadInput):
            store.change(Change("submit", image.id, text, 0, "k", [person()]))

    def test_many_changes_are_made_all_or_none(self, store, fill):
        images = fill(3)
        changes = [Change("import", i.id, "ann", 0, f"{i.id}", [person()]) for i in images]
        with pytest.raises(Stale):
            store.import_all([*changes[:2], replace(changes[2], based_on=4)], {images[0].id: 7})
        assert [store.image(image.id) for image in images] == images
        store.import_all(changes, {images[0].id: 2**40})
        assert store.image(images[0].id).coco_id == 2**40
        assert [r.people[0].id for _, r in store.newest(images[0].project_id, ("submitted",))] == [
            0
        ] * 3

    # The database

    def test_all_is_there_when_the_store_is_opened_again(self, store, image, url, tmp_path):
        made = store.change(Change("submit", image.id, "ann", 0, "k", [person()]))
        again = AnnotationStore(url, tmp_path / "images")
        assert again.history(image.id) == [made]
        again.close()

    def test_a_store_of_the_first_version_is_brought_to_the_newest(self, url, tmp_path):
        engine = open_database(url)
        with writing(engine) as connection:
            METADATA.drop_all(connection)
            connection.execute(text("DROP TABLE alembic_version"))
        migrate(engine, "1")
        with writing(engine) as connection:
            for statement in FIRST_VERSION.strip().split(";\n"):
                connection.execute(text(statement.replace(":", "\\:")))
        engine.dispose()
        store = AnnotationStore(url, tmp_path / "images")
        project = store.project("old")
        ((image, revision),) = store.newest(project.id, ("submitted",))
        assert image.name == "a.jpg" and revision.people[0].keypoints[0] == (1.0, 2.0)
        assert store.change(Change("accept", image.id, "eve", 1, "a")).number == 2
        store.close()

    def test_migrations_make_the_tables_that_the_code_knows(self, url):
        engine = open_database(url)
        with reading(engine) as connection:
            context = MigrationContext.configure(connection)
            assert compare_metadata(context, METADATA) == []
        engine.dispose()

    def test_many_open_a_new_store_at_once(self, url, tmp_path):
        with ThreadPoolExecutor(4) as pool:
            stores = list(pool.map(lambda n: AnnotationStore(url, tmp_path), range(4)))
        assert stores[0].make_project("a") == stores[3].project("a")
        for store in stores:
            store.close()

    def test_a_store_of_a_newer_version_is_left_alone(self, url):
        engine = open_database(url)
        with writing(engine) as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '99'"))
        with pytest.raises(BadInput, match="was made by a newer version of evoskeleton"):
            open_database(url)
        engine.dispose()


FIRST_VERSION = """
INSERT INTO projects VALUES (1, 'old', 'human36m', 1000);
INSERT INTO images VALUES (1, 1, 'a.jpg', '00', 640, 480, 1, 'submitted', NULL, NULL, 1000);
INSERT INTO revisions VALUES (1, 1, 'submit', 'submitted', 0, 'ann', 'k', '00', '', '[{"id": 0, "keypoints": [[1, 2], [1, 2], [1, 2], [1, 2], [1, 2], [1, 2], [1, 2], [1, 2], [1, 2], [1, 2], [1, 2], [1, 2], [1, 2], [1, 2], [1, 2], [1, 2], [1, 2]], "visibility": [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0]}]', 2000)
"""  # noqa: E501
"""What somebody has in a store of version 1."""
