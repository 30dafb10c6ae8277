"""Which marker of a file is which point of the body, by what makers of marker sets call it."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

import yaml

from evoskeleton.platform.data.mocap.naming import compared, spelled_names

_SIDES = {"R": ("r", "right"), "L": ("l", "left")}


def landmarks(names: Sequence[str], known: Sequence[bool]) -> dict[str, str]:
    """Names of a file's markers by landmark, such as "R outside_of_knee" or "back_of_neck".

    Args:
        names: of the markers.
        known: whether a marker was seen in most frames; others are no landmarks.
    """
    kept = [name for name, there in zip(names, known, strict=True) if there]
    spelled = spelled_names(kept)
    found: dict[str, str] = {}
    for landmark, words in _table().items():
        for side, forms in _SIDES.items():
            if (name := _first(words, forms, spelled)) is not None:
                sided = any("*" in word for word in words)
                found[f"{side} {landmark}" if sided else landmark] = name
    return found


def _first(words: Sequence[str], sides: Sequence[str], spelled: Mapping[str, str]) -> str | None:
    keys = (compared(word.replace("*", side)) for word in words for side in sides)
    return next((spelled[key] for key in keys if key in spelled), None)


@cache
def _table() -> Mapping[str, tuple[str, ...]]:
    text = resources.files("evoskeleton.platform.data.markers").joinpath("landmarks.yaml")
    table = yaml.safe_load(text.read_text())
    return {landmark: tuple(words.split()) for landmark, words in table.items()}
