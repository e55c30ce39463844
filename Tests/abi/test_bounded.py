# SPDX-License-Identifier: Apache-2.0
"""The limit that is given is the limit that is held, by all of what Prognos takes of a process."""

import re

import pytest
from conftest import compiled, output_of


@pytest.fixture(scope="module")
def host(tmp_path_factory, library):
    return compiled("benchmarks/recording/bounded.c", tmp_path_factory.mktemp("bounded"))


def taken(host, mebibytes):
    """KiB of the process's own after a while with everything tracked."""
    text = output_of(host, mebibytes, 3000, 128, 3000, 2)
    return int(re.findall(r"s (\d+) KiB", text)[-1])


def test_no_more_than_the_limit(host):
    without = taken(host, 0)
    for mebibytes in (4, 16, 48):
        assert taken(host, mebibytes) - without <= mebibytes << 10
    # Beside the smallest one the rest shows: the collector's stack, the library's own data.
    assert taken(host, 1) - without <= (1 << 10) + 512
