"""Arrays out of a file that may be damaged, or something else."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from evoskeleton.errors import BadInput


def read_npz(path: str | Path, what: str, names: Iterable[str] = ()) -> dict[str, np.ndarray]:
    """All arrays of an npz file by name, without pickle.

    Args:
        path: the file.
        what: what it should be, for the sentence.
        names: arrays that have to be there.

    Raises:
        BadInput: it is absent, damaged, no npz file, or lacks an array.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except OSError as error:
        raise BadInput(f"{what} {path} cannot be read: {error.strerror or error}") from None
    except Exception:  # zipfile, zlib and numpy's reader of headers have a dozen kinds between them
        raise BadInput(f"{what} {path} cannot be read: it is damaged, or no npz file") from None
    if missing := [name for name in names if name not in arrays]:
        raise BadInput(f"{what} {path} cannot be read: it holds no {missing[0]}")
    return arrays
