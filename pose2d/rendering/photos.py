"""A folder of photos to put people before."""

from collections.abc import Callable
from pathlib import Path

from evoskeleton.errors import BadInput
from evoskeleton.pose2d.images import read_image

_ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"}


def usable_photos(folder: Path, tell: Callable[[str], None]) -> list[Path]:
    """The photos of a folder and the folders in it, in the order of their names.

    Args:
        folder: with photos.
        tell: hears a sentence of each that cannot be used, and how many were left out.

    Raises:
        BadInput: it is no folder, or none of its files can be used.
    """
    if not folder.is_dir():
        raise BadInput(f"backgrounds should be a folder of photos, there is none at {folder}")
    found = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in _ENDINGS)
    usable = [path for path in found if _can_be_read(path, tell)]
    if not usable:
        raise BadInput(
            f"backgrounds {folder} should hold JPEG or PNG photos, none of its "
            f"{len(found)} pictures can be used"
        )
    if len(usable) < len(found):
        tell(f"{len(found) - len(usable)} of {len(found)} backgrounds are left out")
    return usable


def _can_be_read(path: Path, tell: Callable[[str], None]) -> bool:
    try:
        read_image(path)
    except BadInput as error:
        tell(str(error))
        return False
    return True
