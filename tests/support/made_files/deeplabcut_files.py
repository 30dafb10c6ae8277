"""DeepLabCut's HDF5 as pandas lays it out, written without pandas."""

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np

COORDS = ("x", "y", "likelihood")


def write_h5(path: Path, points: np.ndarray, names: Sequence[str], layout: str) -> None:
    """(frames, points, 3) x y likelihood, as a `table` or `fixed`."""
    import h5py

    values = points.reshape(len(points), -1)
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs["pandas_type"] = np.bytes_(b"frame_table" if layout == "table" else b"frame")
        if layout == "table":
            kind = [("index", "<i8"), ("values_block_0", "<f8", (values.shape[1],))]
            rows = np.zeros(len(values), kind)
            rows["index"], rows["values_block_0"] = np.arange(len(values)), values
            table = group.create_dataset("table", data=rows)
            columns = [("DLC", name, coord) for name in names for coord in COORDS]
            table.attrs["values_block_0_kind"] = np.bytes_(pickle.dumps(columns, 0))
            return
        group["axis1"] = np.arange(len(values))
        group["block0_values"] = values
        place = np.arange(values.shape[1])
        labels = (0 * place, place // 3, place % 3)
        for level, (words, label) in enumerate(zip((("DLC",), names, COORDS), labels, strict=True)):
            group[f"block0_items_level{level}"] = np.array(words, "S")
            group[f"block0_items_label{level}"] = label.astype(np.int8)
