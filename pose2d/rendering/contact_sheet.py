"""A look at rendered pictures: the first of them side by side in one small file."""

from pathlib import Path

import cv2
import numpy as np

from evoskeleton.files import write_bytes
from evoskeleton.pose2d.images import read_image

_PICTURES, _COLUMNS, _WIDTH_PX, _QUALITY = 12, 6, 240, 80


def write_contact_sheet(folder: Path, sheet: Path) -> None:
    """Lay the first pictures of a rendered folder out in rows.

    Args:
        folder: that `render` wrote.
        sheet: JPEG file to write.

    Raises:
        BadInput: the file cannot be written.
    """
    names = sorted((folder / "images").iterdir())[:_PICTURES]
    small = [_small(read_image(name)) for name in names]
    while len(small) % min(_COLUMNS, len(names)):
        small.append(np.full_like(small[0], 255))
    columns = min(_COLUMNS, len(names))
    rows = [np.hstack(small[at : at + columns]) for at in range(0, len(small), columns)]
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    _, data = cv2.imencode(".jpg", np.vstack(rows)[..., ::-1], options)
    write_bytes(sheet, bytes(data))


def _small(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    size = (_WIDTH_PX, max(1, round(_WIDTH_PX * height / width)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
