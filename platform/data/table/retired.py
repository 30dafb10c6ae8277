"""Which rows left for others."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evoskeleton.platform.data.table.parts import Part
from evoskeleton.platform.data.table.schema import SCHEMA


def retired(parts: Sequence[Part], opened: Callable[[Part], Any]) -> dict[str, np.ndarray]:
    """The sorted ids of the rows that left, by campaign.

    Args:
        parts: the files of whole campaigns.
        opened: a file as a fragment of an Arrow data set.
    """
    found: dict[str, list[np.ndarray]] = {}
    for part in parts:
        for batch in opened(part).to_batches(schema=SCHEMA, columns=["replaces", "retires"]):
            found.setdefault(part.campaign, []).extend(_ids(batch))
    return {campaign: np.unique(np.concatenate(ids)) for campaign, ids in found.items()}


def _ids(batch: pa.RecordBatch) -> list[np.ndarray]:
    return [
        np.asarray(pc.drop_null(ids), np.int64)
        for ids in (batch["replaces"], pc.list_flatten(batch["retires"]))
    ]
