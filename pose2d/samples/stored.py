"""A set of people in one file, for whoever goes on with it: arrays, and words as JSON."""

import json
from dataclasses import astuple
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors import numpy as safetensors

from evoskeleton.errors import BadInput
from evoskeleton.files import write_bytes
from evoskeleton.pose2d.samples.samples import ROWS, Picture, Samples


def write_people(path: Path, samples: Samples) -> None:
    """Write a set, whole or not at all.

    Raises:
        BadInput: it cannot be written.
    """
    words = {
        "names": samples.names,
        "pictures": [astuple(picture) for picture in samples.pictures],
        "left_out": dict(samples.left_out),
    }
    arrays = {name: getattr(samples, name) for name in ROWS}
    write_bytes(path, safetensors.save(arrays, {"people": json.dumps(words)}))


def read_people(path: Path) -> Samples:
    """Back from `write_people`.

    Raises:
        BadInput: the file is missing or damaged.
    """
    try:
        with safe_open(path, framework="np") as file:
            words = json.loads((file.metadata() or {})["people"])
            arrays = {name: file.get_tensor(name) for name in ROWS}
        pictures = tuple(
            Picture(file, name, clip, (int(size[0]), int(size[1])))
            for file, name, clip, size in words["pictures"]
        )
        return Samples(
            names=tuple(words["names"]), pictures=pictures, left_out=words["left_out"], **arrays
        )
    except OSError as error:
        raise BadInput(f"people {path}: {error.strerror or error}") from None
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise BadInput(f"people {path} are damaged: {error}") from None
