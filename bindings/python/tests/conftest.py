# SPDX-License-Identifier: Apache-2.0
"""Each test runs in a forked process of its own, so that its recording is fresh.

The package comes from PYTHONPATH, as scripts/build-python makes it.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[3] / "Tests"))

from each_in_a_child import pytest_pyfunc_call  # noqa: E402, F401
