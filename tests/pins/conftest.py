"""Lets tests and `python -m pins.record` import the modules of this folder by one name."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))
