"""Image files under the hash of their content: the same picture is kept once, and never changes.

A file is written beside its place, brought to disk, and then gets its name; its folder is brought
to disk too. Whoever knows a hash that `put` has answered finds the whole file, after any crash.
Only pictures that can be looked at later are kept: `checked_picture`.
"""

import hashlib
import re
from pathlib import Path

from evoskeleton.annotation.domain.records import NotKept, NotThere, Picture, check_image_name
from evoskeleton.annotation.store.ownership import follow_folder
from evoskeleton.errors import BadInput
from evoskeleton.extras import require
from evoskeleton.files import atomic_file, folder_to_disk


def is_hash(text: str) -> bool:
    """Whether a text can be the SHA-256 of a file, in hex."""
    return re.fullmatch("[0-9a-f]{64}", text) is not None


class ImageFiles:
    """A folder of files `ab/abcdef...`, named by the SHA-256 of what is in them."""

    def __init__(self, folder: Path | str) -> None:
        """Nothing is touched before the first file."""
        self._folder = Path(folder)

    def put(self, content: bytes) -> str:
        """Keep a file; returns the SHA-256 by which it is known from now on, in hex.

        Raises:
            NotKept: the folder cannot be written.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        place = self.place(sha256)
        try:
            if not place.exists():
                _make_folder(place.parent)
                with atomic_file(place, sync_folder=True) as file:
                    file.write(content)
                follow_folder(place)
        except OSError as error:
            raise NotKept(f"image folder {self._folder}: {error.strerror or error}") from None
        return sha256

    def read(self, sha256: str) -> bytes:
        """The content of a file.

        Raises:
            NotThere: there is no such file.
        """
        try:
            return self.place(sha256).read_bytes()
        except OSError as error:
            sentence = f"the file of image {sha256[:12]} is gone: {error.strerror}"
            raise NotThere(sentence, "NO_FILE") from None

    def remove(self, sha256: str) -> bool:
        """Delete a file and its thumbnails; whether it was there.

        Raises:
            NotKept: the folder cannot be written.
        """
        place = self.place(sha256)
        try:
            for made in self.thumbnails(sha256):
                made.unlink(missing_ok=True)
            if not place.exists():
                return False
            place.unlink()
            folder_to_disk(place.parent)
        except OSError as error:
            raise NotKept(f"image folder {self._folder}: {error.strerror or error}") from None
        return True

    def thumbnail(self, sha256: str, width: int) -> Path:
        """Where the picture of a hash lies as a JPEG of a width, px, where one was made."""
        return self._folder / "thumbnails" / sha256[:2] / f"{sha256}-{width}.jpg"

    def made_thumbnail(self, sha256: str, width: int, most_pixels: int) -> Path:
        """The same, made where it is not there; nothing is written where the folder takes nothing.

        Raises:
            NotThere: there is no such file.
            NotKept: the folder cannot be written.
            BadInput: the picture cannot be decoded, or is larger than `most_pixels`.
        """
        from evoskeleton.pose2d.images import jpeg_thumbnail

        place = self.thumbnail(sha256, width)
        if place.exists():
            return place
        content = jpeg_thumbnail(self.read(sha256), width, most_pixels=most_pixels)
        try:
            _make_folder(place.parent)
            with atomic_file(place) as file:
                file.write(content)
            follow_folder(place)
            if not self.place(sha256).exists():
                place.unlink(missing_ok=True)
        except OSError as error:
            raise NotKept(f"image folder {self._folder}: {error.strerror or error}") from None
        return place

    def thumbnails(self, sha256: str) -> list[Path]:
        """The thumbnails of a file that there are."""
        return sorted(self.thumbnail(sha256, 0).parent.glob(f"{sha256}-*.jpg"))

    def place(self, sha256: str) -> Path:
        """Where the file of a hash lies, whether it is there or not."""
        return self._folder / sha256[:2] / sha256


def _make_folder(folder: Path) -> None:
    """Make a folder that is still there after a crash."""
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        follow_folder(folder)
        folder_to_disk(folder.parent)


def checked_picture(
    content: bytes, name: str, most_pixels: int, most_bytes: int | None = None
) -> Picture:
    """A picture file that can be decoded, and its size in px as it should be seen.

    Args:
        content: of the file.
        name: that it is to have.
        most_pixels: width times height, checked before anything is decoded.
        most_bytes: of the file; None: of any size.

    Raises:
        BadInput: it is larger; the name is not allowed; it is no picture, is damaged, or has more
            pixels; Pillow is not installed.
    """
    check_image_name(name)
    if most_bytes is not None and len(content) > most_bytes:
        sentence = f"picture {name} should have {most_bytes:,} bytes at most"
        raise BadInput(f"{sentence}, got {len(content):,}")
    require(
        "PIL", "pictures need Pillow, which is not installed; try pip install 'evoskeleton[detect]'"
    )
    from evoskeleton.pose2d.images import decoded_size

    return Picture(content, *decoded_size(content, name, most_pixels))
