"""Types of the page's scripts, by TypeScript where it is installed: `npm ci` in this folder."""

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
COMPILER = HERE / "node_modules" / ".bin" / "tsc"


@pytest.mark.long
def test_every_script_has_the_types_that_it_says():
    if not COMPILER.exists():
        pytest.skip("TypeScript is not installed: npm ci in tests/annotation/web")
    done = subprocess.run([COMPILER, "-p", HERE], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
