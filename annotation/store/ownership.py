"""Files and folders that belong to whom the folder above belongs, and are open to the same people.

A store that is new is its owner's alone. Whoever makes files in it, be it another user on the
command line, leaves them as the folder has it, so that no server is locked out of its own pictures.
"""

import os
from pathlib import Path

_NEW_FOLDER = 0o700
_BITS = 0o777


def make_private_folder(folder: Path) -> None:
    """Make a folder where there is none: those above as usual, itself for its owner alone.

    Raises:
        OSError: it cannot be made.
    """
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True, mode=_NEW_FOLDER)


def follow_folder(path: Path) -> None:
    """Give a file or folder the mode of the folder that it lies in, and its owner where we may.

    Raises:
        OSError: the mode cannot be set.
    """
    if os.name != "posix":
        return
    above, mine = path.parent.stat(), path.stat()
    mode = above.st_mode & (_BITS if path.is_dir() else 0o666)
    if mine.st_mode & _BITS != mode:
        path.chmod(mode)
    if os.geteuid() == 0 and (mine.st_uid, mine.st_gid) != (above.st_uid, above.st_gid):
        os.chown(path, above.st_uid, above.st_gid)
