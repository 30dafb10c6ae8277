"""Folders of ours in the temporary folder whose process was killed before it could remove them."""

import os
import shutil
import socket
import tempfile
import time
from pathlib import Path

PREFIX = "evoskeleton-"
SOCKET = "grpc"
_OLD_S = 86_400.0


def remove_leftovers() -> None:
    """Remove them: those of servers that do not listen any more, and others after a day."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            stat = folder.lstat()
            mine = folder.is_dir() and not folder.is_symlink() and stat.st_uid == os.getuid()
            if mine and _is_left(folder, stat.st_mtime):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue


def _is_left(folder: Path, written: float) -> bool:
    place = folder / SOCKET
    if not place.is_socket():
        return time.time() - written > _OLD_S
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(1.0)
        try:
            asking.connect(str(place))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False
