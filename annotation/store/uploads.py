"""Pictures that come into the annotation store: only what can be looked at later is kept."""

from evoskeleton.annotation.store.annotation_store import Picture, check_image_name
from evoskeleton.errors import BadInput


def looked_at(content: bytes, name: str, most_pixels: int) -> Picture:
    """A picture file that can be decoded, and its size in px as it should be seen.

    Args:
        content: of the file.
        name: that it is to have.
        most_pixels: width times height, checked before anything is decoded.

    Raises:
        BadInput: the name is not allowed; it is no picture, is damaged, or has more pixels; Pillow
            is not installed.
    """
    check_image_name(name)
    try:
        from evoskeleton.pose2d.images import decode_image
    except ImportError:
        raise BadInput(
            "pictures need Pillow, which is not installed; try pip install 'evoskeleton[detect]'"
        ) from None
    height, width = decode_image(content, name, most_pixels).shape[:2]
    return Picture(content, width, height)
