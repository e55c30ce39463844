# SPDX-License-Identifier: Apache-2.0
"""Notebooks: what a cell costs, as a picture below it.

    %load_ext prognos

    %%prognos load the data             the cell as an operation of this name ("cell" without one)
    rows = load()

    %prognos load()                     a statement
    %prognos                            everything since the notebook began

Operations within the cell are shown as they call each other; with none, where its time goes is
still told by samples. In a terminal (IPython) the picture is a table. The extension starts
Prognos if nothing has; it goes on when a cell ends.
"""

from __future__ import annotations

import ast

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand
from IPython.display import display

import prognos

from . import _difference, _picture

__all__ = ["Picture", "load_ipython_extension", "unload_ipython_extension"]


class Picture:
    """What ran, to be displayed: SVG in a notebook, a table in a terminal.

    `rows` and `functions` are its numbers.
    """

    def __init__(self, title, rows, functions):
        self.title = title
        self.rows = rows
        self.functions = functions

    def _repr_svg_(self):
        return _picture.picture(self.title, self.rows, self.functions)

    def __repr__(self):
        lines = [f"{'CALLS':>8} {'TOTAL':>9} {'SELF':>9} {'CPU':>6} {'ALLOCATED':>9}  {self.title}"]
        for row in self.rows:
            share = f"{100 * row.cpu_ns / row.wall_ns:.0f} %" if row.wall_ns else "-"
            lines.append(
                f"{row.count:>8} {_picture.duration(row.wall_ns):>9} "
                f"{_picture.duration(row.self_wall_ns):>9} {share:>6} "
                f"{_picture.size(row.allocated_bytes):>9}  {'  ' * (len(row.path) - 1)}{row.name}"
            )
        for function in self.functions[:5]:
            time = _picture.duration(function.cpu_ns + function.wait_ns)
            lines.append(f"{'':>8} {time:>9} in {function.name} {function.where}".rstrip())
        return "\n".join(lines)


@magics_class
class PrognosMagics(Magics):
    @no_var_expand
    @line_cell_magic
    def prognos(self, line, cell=None):
        """%%prognos [name]: runs the cell as an operation and shows what it cost.

        %prognos STATEMENT: the same of one statement; %prognos: everything so far.
        """
        line = line.strip()
        if cell is None and not line:
            profile = prognos.profile()
            rows = _difference.rows(None, profile)
            if not rows:
                print("Nothing was recorded yet: no operation has run.")
                return None
            display(Picture("everything so far", rows, _difference.functions(None, profile)))
            return None
        name = (line or "cell") if cell is not None else _short(line)
        statements, expression = self._compile(cell if cell is not None else line)
        operation = prognos.op(name)
        before = prognos.profile()
        names = self.shell.user_ns
        value = None
        try:
            with operation:
                if statements is not None:
                    exec(statements, names)
                if expression is not None:
                    value = eval(expression, names)
        finally:
            after = prognos.profile()
            rows = _difference.rows(before, after, name)
            if rows:  # none while recording is off
                display(Picture(name, rows, _difference.functions(before, after, name)))
        return value

    def _compile(self, source):
        """The code of all but the last expression, and of that one; either may be None."""
        source = self.shell.transform_cell(source)
        tree = self.shell.compile.ast_parse(source)
        tree = self.shell.transform_ast(tree)
        if any(isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)) for node in _top(tree)):
            raise UsageError(
                "%%prognos cannot await at the top of a cell: put it into an `async def`, decorate "
                'that with @prognos.op("name"), and await it in a plain cell'
            )
        # As the shell itself names a cell, so that tracebacks show its lines.
        filename = self.shell.compile.cache(source)
        flags = self.shell.compile.flags
        expression = None
        if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.rstrip().endswith(";"):
            last = ast.Expression(tree.body.pop().value)
            expression = compile(last, filename, "eval", flags=flags, dont_inherit=True)
        if not tree.body:
            return None, expression
        return compile(tree, filename, "exec", flags=flags, dont_inherit=True), expression


def _top(tree):
    """All nodes outside of functions."""
    nodes = list(tree.body)
    while nodes:
        node = nodes.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            nodes.extend(ast.iter_child_nodes(node))


def _short(statement):
    first = statement.splitlines()[0]
    return first if len(first) <= 60 else first[:59] + "…"


def load_ipython_extension(shell):
    """%load_ext prognos"""
    prognos.start()  # does nothing where it was started before
    shell.register_magics(PrognosMagics)


def unload_ipython_extension(shell):
    """%unload_ext prognos: the magic goes, Prognos stays as it is."""
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("prognos", None)
