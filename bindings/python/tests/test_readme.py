# SPDX-License-Identifier: Apache-2.0
"""What the README shows is what happens."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
DOCTEST = """
import doctest, sys
done = doctest.testfile(
    sys.argv[1], module_relative=False, optionflags=doctest.ELLIPSIS, encoding="utf-8"
)
assert done.attempted > 80, done
sys.exit(done.failed > 0)
"""


def test_the_examples_run_as_they_stand():
    done = subprocess.run(
        [sys.executable, "-c", DOCTEST, README], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def shape(text):
    """Its names and tables, without numbers and bars."""
    lines = []
    for line in text.split("\n"):
        words = re.findall(r"[A-Za-z_][\w.()]*[A-Za-z_()]", line)
        lines.append(" ".join(word for word in words if word not in ("ns", "ms", "µs")))
    return lines


def test_the_program_under_prognos_gives_what_is_shown(tmp_path):
    text = README.read_text()
    program = re.search(r"```python\n(.*?)```", text, re.S).group(1)
    command, *shown = re.search(r"```console\n\$ (.*?)```", text, re.S).group(1).split("\n")
    assert command.startswith("python -m prognos run words.py")
    (tmp_path / "words.py").write_text(program)
    texts = sorted(str(path) for path in (README.parents[2] / "docs").glob("*.md"))
    done = subprocess.run(
        [sys.executable, *command.split()[1:4], "words.py", *texts],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split("\n")) == 4
    said = shape(done.stderr)
    for line in shape("\n".join(shown[4:])):
        if not line.startswith(("prognos python", "process", "OK")):
            assert line in said, (line, done.stderr)
