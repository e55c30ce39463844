# SPDX-License-Identifier: Apache-2.0
"""The tutorials do what they say: their commands run, and what they point out is in the output.

A fenced block of kind `console` has commands after `$ ` and what they print, trimmed. After it, a
comment `<!-- shows: a | b -->` names what the reader is to see: it must be in the block and in what
really comes out. `<!-- lacks: a | b -->` names what must be in neither. Numbers are not compared.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY_DIR = Path(os.environ.get("PROGNOS_LIBRARY_DIR", ROOT / "build" / "lib"))
TOOL = Path(os.environ.get("PROGNOS_TOOL", ROOT / "build" / "bin" / "prognos"))
BLOCK = re.compile(r"^```console\n(.*?)^```\n((?:<!--.*?-->\n)*)", re.DOTALL | re.MULTILINE)


def blocks_of(document):
    """(commands, shown output, what it shows, what it lacks) of each block."""
    for block, comments in BLOCK.findall(document.read_text()):
        lines = block.splitlines()
        commands = [line[2:] for line in lines if line.startswith("$ ")]
        shown = "\n".join(line for line in lines if not line.startswith("$ "))
        facts = {"shows": [], "lacks": []}
        for kind, text in re.findall(r"<!-- (shows|lacks): (.*?) -->", comments):
            facts[kind] += [fact.strip() for fact in text.split("|")]
        yield commands, shown, facts["shows"], facts["lacks"]


@pytest.fixture
def clone(tmp_path):
    """What a clone looks like after `make build`, in a folder of the test's own."""
    for name in ("include", "examples", "bindings", "docs"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "lib").symlink_to(LIBRARY_DIR)
    (tmp_path / "build" / "bin").symlink_to(TOOL.parent)
    return tmp_path


DOCUMENTS = sorted((ROOT / "docs").glob("tutorial-*.md"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_what_a_tutorial_points_out_is_in_what_it_shows(document):
    blocks = list(blocks_of(document))
    assert any(shows for _, _, shows, _ in blocks)
    for _, shown, shows, lacks in blocks:
        assert [fact for fact in shows if fact not in shown] == []
        assert [fact for fact in lacks if fact in shown] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.stem)
def test_a_tutorial_runs_as_it_says(document, clone):
    if document.stem == "tutorial-python":
        pytest.importorskip("prognos", reason="PYTHONPATH names no folder of scripts/build-python")
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for commands, _, shows, lacks in blocks_of(document):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join(commands)],
            cwd=clone,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stdout
        missing = [fact for fact in shows if fact not in done.stdout]
        assert missing == [], f"{commands[-1]} did not say {missing}:\n{done.stdout}"
        extra = [fact for fact in lacks if fact in done.stdout]
        assert extra == [], f"{commands[-1]} still says {extra}:\n{done.stdout}"
