"""Runs Python with kernels that every x86-64 processor has, so that numbers compare exactly.

Libraries choose their code by what the processor can do, and wider registers add in another order.
Here all of them are told to take the oldest: torch's own kernels, MKL, oneDNN, OpenBLAS, numpy, and
the C library, whose sine and exponential otherwise use fused multiply-adds where there are some.
"""

import os
import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
_FOLDERS = ("tests", "tests/support", "tests/contracts", "deploy/python")
FIXTURES = Path(__file__).resolve().parent / "fixtures"

needs_x86_64 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"),
    reason="numbers were recorded on x86-64, and other processors round otherwise",
)


def _maker() -> str:
    """Of the processor, in its own words; empty where the system does not say."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    return next((line.split(":")[1].strip() for line in lines if "vendor_id" in line), "")


needs_the_maker = pytest.mark.skipif(
    _maker() != "AuthenticAMD",
    reason="numbers were recorded on AMD's processors; on Intel's they come out otherwise, even "
    "where MKL is told to be compatible",
)


def environment() -> dict[str, str]:
    """The environment of a process with the oldest kernels and one thread."""
    from numpy._core._multiarray_umath import __cpu_dispatch__

    return os.environ | {
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_CBWR": "COMPATIBLE",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "OPENBLAS_CORETYPE": "Nehalem",
        "NPY_DISABLE_CPU_FEATURES": " ".join(__cpu_dispatch__),
        "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX,-AVX2,-FMA,-FMA4,-AVX512F",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(str(ROOT / folder) for folder in _FOLDERS),
        "PYTHONWARNINGS": "ignore",
        "PYTHONHASHSEED": "0",
        "TZ": "UTC",
    }


def run(module: str, *arguments: object) -> None:
    """`python -m module arguments` in that environment."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        env=environment(),
        cwd=ROOT / "tests",
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def read(path: Path) -> dict[str, np.ndarray]:
    """Named arrays of an npz file."""
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def assert_same(there: dict[str, np.ndarray], recorded: dict[str, np.ndarray]) -> None:
    """The same names, types, shapes and bits; NaN equals NaN."""
    assert there.keys() == recorded.keys()
    for name, array in recorded.items():
        found = there[name]
        assert (found.shape, found.dtype.kind) == (array.shape, array.dtype.kind), name
        same = found == array
        if array.dtype.kind == "f":
            assert found.dtype == array.dtype, name
            same |= np.isnan(found) & np.isnan(array)
        rows = np.flatnonzero(~same.reshape(len(same), -1).all(1)) if array.ndim else ~same
        assert same.all(), f"{name} differs in {np.size(rows)} rows, first {np.ravel(rows)[:5]}"
