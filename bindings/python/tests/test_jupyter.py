# SPDX-License-Identifier: Apache-2.0
"""The notebook magic, by running notebooks in a kernel of their own."""

import importlib.util
import os
import re
import sys
import xml.etree.ElementTree

import pytest

for _module in ("ipykernel", "nbclient", "nbformat"):
    if importlib.util.find_spec(_module) is None:
        pytest.skip(f"{_module} is not installed (tests/requirements.txt)", allow_module_level=True)


def run(*cells, allow_errors=False):
    """Runs the cells in a new kernel; returns the outputs of each."""
    import nbclient
    import nbformat

    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(notebook, timeout=120, allow_errors=allow_errors)
    client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = sys.executable
    client.execute()
    return [cell["outputs"] for cell in notebook.cells]


def texts(outputs):
    """The words of the picture that a cell shows."""
    pictures = [
        output["data"]["image/svg+xml"]
        for output in outputs
        if "image/svg+xml" in output.get("data", {})
    ]
    assert len(pictures) == 1, outputs
    root = xml.etree.ElementTree.fromstring(pictures[0])
    return [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]


def results(outputs):
    return [
        output["data"]["text/plain"]
        for output in outputs
        if output["output_type"] == "execute_result"
    ]


def test_a_cell_its_picture_and_its_result():
    outputs = run(
        "%load_ext prognos\nimport prognos, time",
        """%%prognos load & <parse>
parse = prognos.op("parse")
total = 0
for number in range(3):
    with parse:
        time.sleep(0.02)
        total += number
print("printed")
total + 1
""",
        "total",
        "%prognos time.sleep(0.01)",
        "%prognos",
    )
    words = texts(outputs[1])
    assert words[0] == "load & <parse>"
    row = words[words.index("parse") :]
    assert row[1] == "3" and re.fullmatch(r"[67]\d\.\d ms|\d\d\d ms", row[2]), row
    assert results(outputs[1]) == ["4"]
    assert any(output.get("text") == "printed\n" for output in outputs[1])
    assert results(outputs[2]) == ["3"]
    assert texts(outputs[3])[0] == "time.sleep(0.01)"
    everything = texts(outputs[4])
    assert everything[0] == "everything so far" and "load & <parse>" in everything[1:]


def test_a_picture_is_of_the_cell_alone():
    outputs = run(
        "%load_ext prognos\nimport prognos\nf = prognos.op('f')(lambda: None)\nf(); f()",
        "%%prognos\nf()",
        "%%prognos\nf(); f(); f();",
    )
    for output, count in ((outputs[1], "1"), (outputs[2], "3")):
        words = texts(output)
        assert words[0] == "cell"
        assert words[words.index("f") + 1] == count
    assert results(outputs[2]) == []


def test_where_the_time_goes():
    outputs = run(
        "%load_ext prognos\nimport time",
        """%%prognos
def spin():
    end = time.thread_time() + 0.5
    while time.thread_time() < end:
        sum(range(1000))
spin()
""",
    )
    words = texts(outputs[1])
    assert "spin" in words[words.index("WHERE THE TIME GOES") :]


def test_an_exception_is_the_cells_and_the_picture_is_there():
    outputs = run(
        "%load_ext prognos",
        "%%prognos\nprint('before')\nraise KeyError('its own')",
        "%%prognos\nawait something()",
        "%%prognos\nthis is no python",
        allow_errors=True,
    )
    (error,) = [output for output in outputs[1] if output["output_type"] == "error"]
    assert error["ename"] == "KeyError" and "raise KeyError('its own')" in _plain(error)
    words = texts(outputs[1])
    assert "1 failed" in words
    (error,) = [output for output in outputs[2] if output["output_type"] != "display_data"]
    assert "cannot await at the top of a cell" in str(error)
    (error,) = [output for output in outputs[3] if output["output_type"] == "error"]
    assert error["ename"] == "SyntaxError"


def _plain(error):
    return re.sub(r"\x1b\[[\d;]*m", "", "\n".join(error["traceback"]))


def test_in_a_terminal_it_is_a_table(capsys):
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.run_cell("%load_ext prognos")
    result = shell.run_cell("%%prognos sums\nsum(range(1000))")
    assert result.result == 499500
    printed = capsys.readouterr().out
    assert re.search(r"CALLS +TOTAL +SELF +CPU +ALLOCATED +sums", printed)
    assert re.search(r" 1 +\S+ .s +\S+ .s +\d+ % .*sums", printed)
    shell.run_line_magic("unload_ext", "prognos")
    assert shell.find_cell_magic("prognos") is None


def test_many_operations_and_long_names_fit():
    from prognos import _difference, _picture

    rows = [_difference.Row(("all",), [1, 0, 10**9] + [0] * 9)]
    for number in range(50):
        path = ("all", "x" * 300, f"<operation> & {number}")
        rows.append(_difference.Row(path, [10**9, 5, 10**8 + number] + [2**40] * 9))
    svg = _picture.picture("<title>" * 50, rows, [])
    root = xml.etree.ElementTree.fromstring(svg)
    words = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert any(word.startswith("and ") and word.endswith(" more") for word in words)
    assert max(map(len, words)) < 80
