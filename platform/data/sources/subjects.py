"""Who a recording is of, where its file does not say: by its name, its folder, or a rule."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from evoskeleton.errors import BadInput

FOLDER = "folder"

_PARTS = {r"\{subject\}": "(?P<subject>[^_]+)", r"\{action\}": "(?P<action>.+)", r"\*": ".*"}


class Who(NamedTuple):
    """Subject and action of a file; the action is empty where a rule does not say."""

    subject: str
    action: str = ""


def who(path: Path, rule: str | None = None) -> Who:
    """Subject and action of a file by a rule; without one, the subject is the name before "_".

    Args:
        path: the file.
        rule: "folder", or a pattern of names such as "{action}_{subject}" or "*_{subject}".

    Raises:
        BadInput: the rule names no subject, or does not fit the file's name.
    """
    if rule is None:
        return Who(path.stem.split("_")[0])
    if rule == FOLDER:
        return Who(path.resolve().parent.name)
    if "{subject}" not in rule:
        raise BadInput(
            f"--subject-from should be folder, or a pattern with {{subject}} such as "
            f"{{action}}_{{subject}}, got {rule}"
        )
    found = _form(rule).fullmatch(path.stem)
    if found is None:
        raise BadInput(f"--subject-from {rule} does not fit the name of {path}")
    return Who(found["subject"], found.groupdict().get("action") or "")


def _form(rule: str) -> re.Pattern[str]:
    form = re.escape(rule)
    for written, group in _PARTS.items():
        form = form.replace(written, group, 1 if "<" in group else -1)
    return re.compile(form)


def by_folder(files: Sequence[Path], folder: Path) -> Mapping[Path, str]:
    """Subjects of recordings that lie below a folder, where their own names do not tell them.

    That is so where names have no "_", or where two files would be the same clip of one subject.
    """
    below = [file for file in files if file.parent != folder]
    clips = Counter(file.stem for file in files)
    if any(count > 1 for count in clips.values()):
        return {file: file.parent.name for file in below}
    return {file: file.parent.name for file in below if "_" not in file.stem}
