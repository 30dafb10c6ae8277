"""What was recorded before some fields came, compared with what is there now."""

from typing import Any


def of_the_same_names(there: Any, recorded: Any) -> Any:
    """What is there under the names that were recorded."""
    if isinstance(there, dict) and isinstance(recorded, dict):
        return {
            name: of_the_same_names(there[name], recorded[name])
            for name in recorded
            if name in there
        }
    if isinstance(there, list) and isinstance(recorded, list) and len(there) == len(recorded):
        return [of_the_same_names(*pair) for pair in zip(there, recorded, strict=True)]
    return there
