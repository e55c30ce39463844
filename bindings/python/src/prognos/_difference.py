# SPDX-License-Identifier: Apache-2.0
"""What happened between two profiles (prognos.profile()): sums of operations and of functions."""

from __future__ import annotations

_SUMS = (
    "count",
    "failed",
    "wall_ns",
    "self_wall_ns",
    "cpu_ns",
    "self_cpu_ns",
    "allocated_bytes",
    "read_bytes",
    "written_bytes",
    "io_wait_ns",
    "lock_wait_ns",
    "signal_wait_ns",
)


class Row:
    """An operation in one place of the call tree."""

    __slots__ = ("path", *_SUMS)

    def __init__(self, path, sums):
        self.path = path
        for key, value in zip(_SUMS, sums, strict=True):
            setattr(self, key, value)

    @property
    def name(self):
        return self.path[-1]

    @property
    def waited_ns(self):
        return max(0, self.wall_ns - self.cpu_ns)


class Function:
    """Where samples found the threads: a function of Python, or a native one without any."""

    __slots__ = ("name", "where", "cpu_ns", "wait_ns", "_native")

    def __init__(self, name, where):
        self.name = name
        self.where = where  # "file:line", or ""
        self.cpu_ns = self.wait_ns = 0
        self._native = {}

    def add(self, native, cpu, wait):
        self.cpu_ns += cpu
        self.wait_ns += wait
        if native is not None:
            self._native[native] = self._native.get(native, 0) + cpu + wait

    @property
    def native(self):
        """The native function in which most of it was, when that is half or more; or ""."""
        name, most = max(self._native.items(), key=lambda item: item[1], default=("", 0))
        return name if 2 * most >= self.cpu_ns + self.wait_ns > 0 else ""


def _paths(profile):
    """The path of names of each node of the call tree, in its order: parents come first."""
    path, paths = [], []
    for node in profile["call_tree"]:
        path[node["depth"] :] = [node["name"]]
        paths.append(tuple(path))
    return paths


def rows(before, after, root=None):
    """What was called in between, as Rows in the order of the call tree; below `root` alone."""
    known = {}
    if before is not None:
        for path, node in zip(_paths(before), before["call_tree"], strict=True):
            known[path] = [node[key] for key in _SUMS]
    found = []
    for path, node in zip(_paths(after), after["call_tree"], strict=True):
        if root is not None and path[0] != root:
            continue
        sums = [node[key] for key in _SUMS]
        if path in known:
            sums = [max(0, now - then) for now, then in zip(sums, known[path], strict=True)]
        if sums[0] or sums[2]:
            found.append(Row(path, sums))
    return found


def functions(before, after, root=None):
    """What samples found in between, as Functions, the most time first; below `root` alone."""
    found = {}
    for profile, sign in ((before, -1), (after, 1)):
        if profile is None:
            continue
        paths = _paths(profile)
        for site in profile["call_sites"]:
            cpu, wait = site["cpu_ns"], site["wait_ns"]
            if not (cpu or wait) or site["path"] is None:
                continue
            if root is not None and paths[site["path"]][0] != root:
                continue
            name, where, native = _function(profile, site["stack"])
            function = found.get((name, where))
            if function is None:
                function = found[name, where] = Function(name, where)
            function.add(native, sign * cpu, sign * wait)
    there = [function for function in found.values() if function.cpu_ns + function.wait_ns > 0]
    return sorted(there, key=lambda function: -(function.cpu_ns + function.wait_ns))


def _function(profile, stack):
    """The innermost function of Python, where it is, and the native one that it was in, if any."""
    frames = [profile["frames"][index] for index in stack]
    innermost = frames[0] if frames else {}
    native = None
    if not innermost.get("file"):
        native = innermost.get("function") or _module(profile, innermost)
    for frame in frames:
        if frame.get("file"):
            name, file = frame.get("function") or "?", frame["file"]
            if "ipykernel" in file or file.startswith("<ipython-input"):
                return ("(the cell)" if name == "<module>" else name), "in the notebook", native
            file = file.rpartition("/")[2]
            return (file if name == "<module>" else name), f"{file}:{frame['line']}", native
    return native or "?", "", None


def _module(profile, frame):
    try:
        return f"[{profile['modules'][frame['module']]['path'].rpartition('/')[2]}]"
    except (KeyError, IndexError, TypeError):
        return "[unknown]"
