# SPDX-License-Identifier: Apache-2.0
"""Makes every function of chosen modules an operation, when they are imported.

The module's source is compiled with one more decorator on each function, the innermost one: what
other decorators get, register or wrap (a route, a property, a static method) is then the operation
already. Nothing is added to the module's names, and line numbers stay. Left alone are functions
within functions, special methods but __init__ and __call__, functions that a compiler of its own
takes (numba and the like), and modules without source.
"""

import ast
import fnmatch
import sys
from collections.abc import Callable, Iterable, Iterator
from types import CodeType, ModuleType
from typing import Any

from . import Operation

_MARK = (
    "\0prognos operation "  # begins the constants that stand for operations until they are there
)
_SPECIAL = ("__init__", "__call__")
_COMPILERS = ("jit", "njit", "vectorize", "guvectorize", "stencil", "cfunc", "overload", "kernel")


def matches(name: str, patterns: "Iterable[str]") -> bool:
    """Whether a module is meant: "pkg.*" is pkg and all in it, "pkg" alone is pkg without."""
    return any(
        fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(name + ".", pattern)
        for pattern in patterns
    )


def instrumented(source: "bytes | str", filename: str, module: str) -> CodeType:
    """The code of a module whose functions are operations, called module.qualified_name."""
    return _with_operations(_marked(source, filename, module))


def _marked(source: "bytes | str", filename: str, module: str) -> CodeType:
    tree = ast.parse(source, filename)
    _decorate(tree.body, module + ".")
    code: CodeType = compile(tree, filename, "exec", dont_inherit=True)
    return code


def _decorate(body: "list[ast.stmt]", prefix: str) -> None:
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            name = node.name
            is_special = name.startswith("__") and name.endswith("__") and name not in _SPECIAL
            if not is_special and not _is_compiled(node):
                where = node.lineno, node.col_offset, node.end_lineno, node.end_col_offset
                mark = ast.Constant(_MARK + prefix + name)
                mark.lineno, mark.col_offset, mark.end_lineno, mark.end_col_offset = where
                node.decorator_list.append(mark)
        elif isinstance(node, ast.ClassDef):
            _decorate(node.body, f"{prefix}{node.name}.")
        else:
            for block in _blocks(node):
                _decorate(block, prefix)


def _blocks(node: ast.AST) -> "Iterator[list[ast.stmt]]":
    """The statements within if, for, while, try, with and match, which are in the same scope."""
    for field in ("body", "orelse", "finalbody"):
        block = getattr(node, field, None)
        if isinstance(block, list):
            yield block
    for field in ("handlers", "cases"):
        for part in getattr(node, field, ()):
            yield part.body


def _is_compiled(node: "ast.FunctionDef | ast.AsyncFunctionDef") -> bool:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call):
            decorator = decorator.func
        name = getattr(decorator, "attr", None) or getattr(decorator, "id", None)
        if name in _COMPILERS:
            return True
    return False


def _with_operations(code: CodeType) -> CodeType:
    constants = []
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            constant = _with_operations(constant)
        elif isinstance(constant, str) and constant.startswith(_MARK):
            constant = Operation(constant[len(_MARK) :])
        constants.append(constant)
    return code.replace(co_consts=tuple(constants))


class Finder:
    """Finds modules as the finders behind it do, and has those that are meant compiled anew."""

    def __init__(self, is_meant: "Callable[[str], bool]") -> None:
        self.is_meant = is_meant

    def find_spec(self, name: str, path: Any = None, target: "ModuleType | None" = None) -> Any:
        if not self.is_meant(name):
            return None
        for finder in sys.meta_path:
            find_spec = getattr(finder, "find_spec", None)
            if finder is self or find_spec is None:
                continue
            spec = find_spec(name, path, target)
            if spec is not None:
                _instrument(spec.loader, name)
                return spec
        return None


def _instrument(loader: Any, name: str) -> None:
    """Has a loader give code with operations, if there is source and it is right."""
    plain = getattr(loader, "get_code", None)
    if plain is None or getattr(loader, "get_source", None) is None:
        return
    try:
        # Now rather than in get_code(): what is wrong with a module is the loader's own to tell.
        source = _source(loader, name)
        if source is None:
            return
        code = _marked(source, loader.get_filename(name), name)

        def get_code(fullname: str) -> Any:
            return _with_operations(code) if fullname == name else plain(fullname)

        loader.get_code = get_code
    except (SyntaxError, OSError, ImportError, ValueError, RecursionError, AttributeError):
        pass  # also loaders that cannot be changed: of frozen and extension modules


def _source(loader: Any, name: str) -> "bytes | str | None":
    get_data = getattr(loader, "get_data", None)
    path = loader.get_filename(name)
    if get_data is not None and path.endswith(".py"):
        data: bytes = get_data(path)
        return data
    source: "str | None" = loader.get_source(name)
    return source


def install(patterns: "list[str]", main: "str | None" = None) -> Finder:
    """Makes functions of modules that are imported from now on operations; returns the finder.

    `main` is the module that runs as the program: "__main__" among the patterns means it, too.
    """

    def is_meant(name: str) -> bool:
        return matches(name, patterns) or (name == main and matches("__main__", patterns))

    finder = Finder(is_meant)
    sys.meta_path.insert(0, finder)
    return finder
