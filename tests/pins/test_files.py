"""Files that are written for others, and answers of both services, are what they were."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from pins import kernels

pytest.importorskip("grpc", reason="the extra `serve` is not installed")
pytest.importorskip("sqlalchemy", reason="the extra `serve` is not installed")


LATER = {
    "AddComment",
    "AssignImages",
    "CheckBodies",
    "DeleteImage",
    "DeleteProject",
    "GetProject",
    "LeaseForReview",
    "ListComments",
    "RefitBody",
    "RenameImage",
    "RenameProject",
    "ResolveComment",
    "ReviewMany",
    "UnskipImage",
    "WhoAmI",
}
"""Methods that came after the answers were recorded; tests/annotation asks them."""


def recorded(name: str) -> Any:
    """A fixture that is JSON."""
    return json.loads((kernels.FIXTURES / name).read_text())


@pytest.mark.slow
def test_every_export_is_the_same_to_the_byte(tmp_path: Path) -> None:
    kernels.run("pins.exports", tmp_path)
    there = json.loads((tmp_path / "exports.json").read_text())
    for name, words in recorded("exports.json").items():
        assert there[name] == words, name


@pytest.mark.slow
def test_every_method_answers_the_same(tmp_path: Path) -> None:
    kernels.run("pins.answers", tmp_path)
    there = json.loads((tmp_path / "answers.json").read_text())
    known = recorded("answers.json")
    assert [told["method"] for told in there] == [told["method"] for told in known]
    for told, was in zip(there, known, strict=True):
        place = difference(told, was)
        assert place is None, f"{was['method']} ({was['what']}): {place}"


def test_every_method_was_asked() -> None:
    from evoskeleton.annotation.generated import annotation_pb2, inference_pb2

    asked = {told["method"] for told in recorded("answers.json") if "answer" in told}
    files = annotation_pb2.DESCRIPTOR, inference_pb2.DESCRIPTOR
    services = [service for file in files for service in file.services_by_name.values()]
    assert asked | LATER == {method.name for service in services for method in service.methods}


def difference(left: Any, right: Any, place: str = "") -> str | None:
    """Where two answers differ first; numbers may by a thousandth of themselves, or of a unit."""
    if isinstance(right, dict) and isinstance(left, dict):
        if left.keys() != right.keys():
            return f"{place} has {sorted(left)}, had {sorted(right)}"
        parts = ((left[name], right[name], f"{place}.{name}") for name in right)
    elif isinstance(right, list) and isinstance(left, list):
        if len(left) != len(right):
            return f"{place} has {len(left)}, had {len(right)}"
        parts = (
            (one, other, f"{place}[{at}]")
            for at, (one, other) in enumerate(zip(left, right, strict=True))
        )
    elif isinstance(right, float) and isinstance(left, float):
        same = math.isclose(left, right, rel_tol=1e-3, abs_tol=1e-3)
        return None if same else f"{place} is {left}, was {right}"
    else:
        return None if left == right else f"{place} is {left!r}, was {right!r}"
    return next((found for part in parts if (found := difference(*part))), None)
