# SPDX-License-Identifier: Apache-2.0
"""A picture of what ran, as SVG: where the time went, the operations, the functions."""

from __future__ import annotations

from xml.sax.saxutils import escape

WIDTH = 860
MARGIN = 20
ROW = 24
MOST_OPERATIONS = 14
MOST_FUNCTIONS = 6

# Colours that those who see no red or green tell apart, too (Okabe and Ito).
CPU, WAIT, FAILED = "#0072b2", "#e6c36a", "#d55e00"
TEXT, DIM, LINE, PAPER = "#1b2733", "#66727f", "#e3e7eb", "#ffffff"
FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif"
COLUMNS = (("CALLS", 478), ("TOTAL", 560), ("SELF", 640), ("CPU", 716), ("ALLOCATED", 840))


def duration(ns):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size:
            return f"{_three(ns / size)} {unit}"
    return f"{ns:.0f} ns" if ns else "-"


def size(number):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024 or unit == "GiB":
            return f"{_three(number)} {unit}" if number else "-"
        number /= 1024
    return "-"


def _three(value):
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


class Drawing:
    def __init__(self):
        self.parts = []
        self.y = MARGIN

    def text(self, x, text, anchor="start", fill=TEXT, size=13, weight=400, dy=0):
        self.parts.append(
            f'<text x="{x:.1f}" y="{self.y + dy:.1f}" fill="{fill}" font-size="{size}" '
            f'font-weight="{weight}" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def box(self, x, y, width, height, fill, radius=2, title=""):
        if width < 0.4:
            return
        inner = f"<title>{escape(title)}</title>" if title else ""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" rx="{radius}" '
            f'fill="{fill}">{inner}</rect>'
        )

    def rule(self):
        self.parts.append(
            f'<path d="M{MARGIN} {self.y:.1f}H{WIDTH - MARGIN}" stroke="{LINE}" fill="none"/>'
        )

    def svg(self):
        height = self.y + MARGIN - 6
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
            f'width="{WIDTH}" height="{height:.0f}" style="max-width:100%;height:auto;{FONT}">'
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1:.0f}" rx="8" '
            f'fill="{PAPER}" stroke="{LINE}"/>{"".join(self.parts)}</svg>'
        )


def picture(title, rows, functions):
    """SVG of Rows and Functions (prognos._difference); `rows` begin with what ran outermost."""
    drawing = Drawing()
    outermost = [row for row in rows if len(row.path) == 1]
    wall = sum(row.wall_ns for row in outermost)
    cpu = sum(row.cpu_ns for row in outermost)
    _head(drawing, title, outermost, wall, cpu)
    _operations(drawing, rows, wall)
    if functions:
        _functions(drawing, functions)
    return drawing.svg()


def _head(drawing, title, outermost, wall, cpu):
    drawing.y += 12
    drawing.text(MARGIN, _cut(title, 46), size=17, weight=600)
    allocated = sum(row.allocated_bytes for row in outermost)
    moved = sum(row.read_bytes + row.written_bytes for row in outermost)
    facts = [duration(wall), f"{size(allocated)} allocated"]
    if moved:
        facts.append(f"{size(moved)} read and written")
    drawing.text(WIDTH - MARGIN, "  ·  ".join(facts), anchor="end", fill=DIM)
    drawing.y += 16
    whole = WIDTH - 2 * MARGIN
    waits = [
        ("on CPU", cpu, CPU, "#ffffff"),
        ("waiting", max(0, wall - cpu), WAIT, TEXT),
    ]
    x = MARGIN
    for label, part, fill, ink in waits:
        width = whole * part / wall if wall else 0
        drawing.box(x, drawing.y, width, 22, fill, 3, f"{label}: {duration(part)}")
        if width > 120:
            drawing.text(x + 8, f"{label} {duration(part)}", fill=ink, size=12, dy=15.5)
        x += width
    drawing.y += 22 + 30


def _operations(drawing, rows, wall):
    drawing.text(MARGIN, "OPERATION", fill=DIM, size=11, weight=600)
    for label, right in COLUMNS:
        drawing.text(right, label, anchor="end", fill=DIM, size=11, weight=600)
    drawing.y += 8
    drawing.rule()
    shown = rows
    if len(rows) > MOST_OPERATIONS:
        most = sorted(rows, key=lambda row: (-len(row.path) == -1, row.wall_ns), reverse=True)
        kept = set()
        for row in most:  # with those that called them, or the tree would lie
            path = {row.path[:depth] for depth in range(1, len(row.path) + 1)}
            if len(kept | path) <= MOST_OPERATIONS:
                kept |= path
        shown = [row for row in rows if row.path in kept]
    for row in shown:
        drawing.y += ROW
        indent = MARGIN + 16 * min(len(row.path) - 1, 8)
        if row.failed:
            note = f"{row.failed} failed"
            drawing.text(404, note, anchor="end", fill=FAILED, size=11, weight=600, dy=-6)
        room = (404 - indent - (60 if row.failed else 0)) / 7.2
        drawing.text(
            indent, _cut(row.name, int(room)), weight=600 if len(row.path) == 1 else 400, dy=-6
        )
        for (_, right), value in zip(
            COLUMNS,
            (
                f"{row.count:,}",
                duration(row.wall_ns),
                duration(row.self_wall_ns),
                f"{100 * row.cpu_ns / row.wall_ns:.0f} %" if row.wall_ns else "-",
                size(row.allocated_bytes),
            ),
            strict=True,
        ):
            drawing.text(right, value, anchor="end", size=12.5, dy=-6)
        # The share of the whole, below the name.
        whole = 404 - MARGIN
        width = whole * row.wall_ns / wall if wall else 0
        part = min(1, row.cpu_ns / row.wall_ns) if row.wall_ns else 0
        drawing.box(MARGIN, drawing.y - 1, min(width, whole) * part, 3, CPU, 1)
        drawing.box(
            MARGIN + min(width, whole) * part,
            drawing.y - 1,
            min(width, whole) * (1 - part),
            3,
            WAIT,
            1,
        )
        drawing.y += 3
    if len(shown) < len(rows):
        drawing.y += ROW
        drawing.text(MARGIN, f"and {len(rows) - len(shown)} more", fill=DIM, size=12, dy=-6)
    drawing.y += 28


def _functions(drawing, functions):
    shown = functions[:MOST_FUNCTIONS]
    whole = sum(function.cpu_ns + function.wait_ns for function in functions)
    drawing.text(MARGIN, "WHERE THE TIME GOES", fill=DIM, size=11, weight=600)
    for label, right in (("ON CPU", 716), ("WAITING", 840)):
        drawing.text(right, label, anchor="end", fill=DIM, size=11, weight=600)
    drawing.y += 8
    drawing.rule()
    for function in shown:
        drawing.y += ROW
        total = function.cpu_ns + function.wait_ns
        name = _cut(function.name, 34)
        drawing.text(MARGIN, name, size=12.5, dy=-6)
        where = "  ·  ".join(filter(None, (function.where, function.native)))
        if where:
            where = _cut(where, 52 - len(name))
            drawing.text(MARGIN + 10 + 7.7 * len(name), where, fill=DIM, size=11.5, dy=-6)
        width = 200 * total / whole
        part = function.cpu_ns / total
        drawing.box(424, drawing.y - 16, width * part, 11, CPU)
        drawing.box(424 + width * part, drawing.y - 16, width * (1 - part), 11, WAIT)
        drawing.text(424 + width + 6, f"{100 * total / whole:.0f} %", fill=DIM, size=11.5, dy=-6)
        drawing.text(716, duration(function.cpu_ns), anchor="end", size=12.5, dy=-6)
        drawing.text(840, duration(function.wait_ns), anchor="end", size=12.5, dy=-6)
        drawing.y += 1
    drawing.y += 10


def _cut(text, length):
    return text if len(text) <= length else text[: max(1, length - 1)] + "…"
