"""The benchmarks are run from the checkout and are no part of the wheel: let tests import them from there."""

import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:
    sys.path.append(ROOT)
