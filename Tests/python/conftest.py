# SPDX-License-Identifier: Apache-2.0
"""Each test runs in a forked process of its own, so that its recording is fresh."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.append(str(HERE.parent))

from each_in_a_child import pytest_pyfunc_call  # noqa: E402, F401
