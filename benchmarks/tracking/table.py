# SPDX-License-Identifier: Apache-2.0
"""The results as Markdown, with each number that has a bar beside it."""


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _header(*cells: str) -> list:
    return [_row(*cells), "|" + " --- |" * len(cells)]


def _verdict(number: float, bar: float) -> str:
    return "OK" if number <= bar else "**over**"


def _verdict_of_interval(low: float, high: float, bar: float) -> str:
    """Of a number that is known only to lie between two: noise proves nothing either way."""
    return "OK" if high <= bar else "**over**" if low > bar else "not resolved"


def _ns(number: float) -> str:
    return f"{number:,.0f}" if number >= 1000 else f"{number:.1f}"


def _slices(only: dict, everything: dict, what: str) -> list:
    lines = _header(what, "without, ns", "with, ns", "ratio", "of minima", "all on", "bar", "")
    for m, every in zip(only["measures"], everything["measures"]):
        cells = [m["text"], _ns(m["off_ns_median"]), _ns(m["on_ns_median"])]
        cells += [f"{m['ratio_median']:.2f}", f"{m['ratio']:.2f}", f"{every['ratio_median']:.2f}"]
        if m["bar"]:
            bar = m["bar"]
            cells += [f"<= {bar:g} x", _verdict(round(m["ratio_median"], 2), bar)]
        else:
            cells += ["", ""]
        lines.append(_row(*cells))
    return lines


def of_memory(results: dict) -> list:
    ratios = ", ".join(f"{ratio:.2f}" for ratio in results["ratios"])
    return [
        *_slices(results["memory"], results["everything"], "allocating, memory tracked"),
        "",
        f"malloc+free of 64 B in each run: {ratios}.",
    ]


def of_peers(results: list) -> list:
    if not results:
        return []
    first = next(peer for peer in results if "measures" in peer)
    texts = [m["text"] for m in first["measures"]]
    lines = _header("allocating beside peers", "compared with", *texts)
    for peer in results:
        if "skipped" in peer:
            lines.append(_row(peer["name"], f"skipped: {peer['skipped']}", *([""] * len(texts))))
            continue
        own = peer["to"] == peer["name"]
        cells = [
            f"{_ns(m['ns_median'])} ns" if own else f"{m['ratio']:.2f} x ({_ns(m['ns_median'])} ns)"
            for m in peer["measures"]
        ]
        lines.append(_row(peer["name"], "" if own else peer["to"], *cells))
    return lines


def of_io(results: dict) -> list:
    return _slices(results["io"], results["everything"], "input and output, tracked")


def of_pairs(results: list) -> list:
    lines = _header(
        "begin+end, tracking", "ns", "x two counter reads", "nested", "siblings", "bar", ""
    )
    for entry in results:
        ratios = [entry[f"{name}_ratio"] for name in ("begin_end", "nested", "siblings")]
        cells = [f"{ratio:.2f}" for ratio in ratios]
        verdict = _verdict(round(max(ratios), 2), 1.4)
        lines.append(_row(entry["name"], _ns(entry["begin_end_ns"]), *cells, "<= 1.4 x", verdict))
    return lines


def of_sampling(results: list) -> list:
    lines = _header(
        *("sampling, asked for", "CPU time", "time covered", "a sample, us", "of it the signal"),
        *("bar", ""),
    )
    for r in results:
        share = r["cpu_ratio_median"] - 1
        cells = [f"{r['hz']} Hz", f"{100 * share:+.2f} %"]
        cells += [f"{100 * r['samples'] / r['samples_expected']:.1f} %"]
        cells += [f"{r['sample_ns'] / 1000:.1f}", f"{r['signal_ns'] / 1000:.1f}"]
        if r["signal_ns"] == 0:
            cells[3:] = ["skipped: no /proc/self/timers", ""]
        cells += ["< 0.5 %", _verdict(share, 0.005)] if r["hz"] <= 99 else ["", ""]
        lines.append(_row(*cells))
    return lines


def of_host(r: dict) -> list:
    share = r["extra_of_a_cpu"]
    lines = _header("a host with 100,000 operations/s, all on", "", "bar", "")
    lines.append(
        _row(
            "CPU time more, of a CPU",
            f"{100 * share:.2f} % ({r['extra_ns_per_operation']:.0f} ns an operation)",
            "< 1 %",
            _verdict(share, 0.01),
        )
    )
    each = ", ".join(f"{100 * run:.2f} %" for run in r["runs"])
    lines.append(_row("the same in each run", each, "", ""))
    busy = f"{100 * r['cpu_off']:.1f} % -> {100 * r['cpu_on']:.1f} %"
    lines.append(_row("load of the process", f"{busy}, x {r['ratio_median']:.3f}", "", ""))
    lines.append(_row("operations, dropped", f"{r['operations']:,}, {r['drops']}", "", ""))
    return lines


def of_programs(results: list) -> list:
    lines = _header(
        *("program, everything on", "CPU s", "CPU ratio", "95 % interval", "wall ratio", "RSS"),
        *("bar", ""),
    )
    for r in results:
        if "skipped" in r:
            lines.append(_row(r["name"], f"skipped: {r['skipped']}", *([""] * 6)))
            continue
        lines.append(
            _row(
                r["name"],
                f"{r['cpu_off_s']:.2f}",
                f"{r['cpu_ratio']:.3f}",
                f"{r['cpu_interval'][0]:.3f} to {r['cpu_interval'][1]:.3f}",
                f"{r['wall_ratio']:.3f}",
                f"{r['rss_extra_mb']:+.1f} MB",
                "<= 1.03 x",
                _verdict_of_interval(*r["cpu_interval"], 1.03),
            )
        )
    return lines


def of_short(results: list) -> list:
    lines = _header("a program that ends at once, everything on", "wall", "CPU", "RSS")
    for r in results:
        if "skipped" in r:
            lines.append(_row(r["name"], f"skipped: {r['skipped']}", "", ""))
            continue
        cells = [f"{r['wall_extra_ms']:+.2f} ms", f"{r['cpu_extra_ms']:+.2f} ms"]
        lines.append(_row(r["name"], *cells, f"{r['rss_extra_mb']:+.1f} MB"))
    return lines


def of_truth(results: dict) -> list:
    lines = _header(
        *("live bytes by call site, 1 GiB from 8 sites", "RMS error", "by chance", "worst"),
        *("whole", "bar", ""),
    )
    for r in results["heap"]:
        lines.append(
            _row(
                f"a sample each {r['sample_bytes'] >> 10} KiB",
                f"{100 * r['rms_error']:.1f} %",
                f"{100 * r['expected_rms_error']:.1f} %",
                f"{100 * r['worst_error']:.1f} %",
                f"{100 * r['whole_error']:.1f} %",
                "<= 10 %",
                _verdict(r["rms_error"], 0.1),
            )
        )
    lines += [
        "",
        *_header(
            "shares of CPU time by function", "samples", "reach main", "worst error", "bar", ""
        ),
    ]
    for r in results["functions"]:
        if "skipped" in r:
            lines.append(_row(r["name"], f"skipped: {r['skipped']}", *([""] * 4)))
            continue
        name = r["name"] + (" (innermost functions)" if r["innermost_only"] else "")
        cells = [f"{r['samples']:,}", f"{100 * r['complete']:.1f} %"]
        cells += [f"{r['worst_points']:.1f} points", "<= 5 points"]
        lines.append(_row(name, *cells, _verdict(r["worst_points"], 5)))
    perf = results["perf"]
    if "skipped" in perf:
        lines.append(_row("beside perf record", f"skipped: {perf['skipped']}", *([""] * 4)))
    else:
        cells = [f"{perf['samples']:,}; perf: {perf['perf_samples']:,}", ""]
        cells += [f"{perf['worst_points']:.1f} points between them", "<= 5 points"]
        lines.append(_row("beside perf record", *cells, _verdict(perf["worst_points"], 5)))
    return lines


def of_costs(r: dict) -> list:
    lines = _header("once", "")
    rows = [
        ("prognos_start, a small process", f"{r['start_ms']:.2f} ms"),
        ("prognos_start, a Python process with many modules", f"{r['python_start_ms']:.2f} ms"),
        ("loading the library in it", f"{r['python_load_ms']:.2f} ms"),
        (
            "prognos_stop; start again",
            f"{r['stop_ms']:.2f} ms; {r['start_again_ms']:.2f} ms",
        ),
        (
            "dlopen+dlclose of a small plugin, without; with",
            f"{r['dlopen_off_us']:.0f} us; {r['dlopen_on_us']:.0f} us",
        ),
        (
            "JSON of 500 call sites",
            f"{r['json_ms_first']:.2f} ms, {r['json_bytes'] / 1024:.0f} KB",
        ),
        ("text of the same", f"{r['text_ms_first']:.2f} ms, {r['text_bytes'] / 1024:.1f} KB"),
        ("resident memory, started", f"{r['rss_started_mb']:+.1f} MB"),
        ("with 500 call sites", f"{r['rss_sites_mb']:+.1f} MB"),
        ("the library's file", f"{r['library_bytes'] / 1e6:.2f} MB"),
    ]
    return lines + [_row(*row) for row in rows]


def of_everything(results: dict) -> str:
    lines = []
    if "memory" in results:
        e = results["memory"]["memory"]["environment"]
        machine = f"{e['cpu_model']}, {e['cpus']} CPUs, {e['architecture']}, Linux {e['kernel']}"
        lines += [f"{machine}, gcc {e['compiler']} -O2; Prognos {e['prognos']}.", ""]
    parts = [
        ("memory", of_memory),
        ("peers", of_peers),
        ("io", of_io),
        ("pairs", of_pairs),
        ("sampling", of_sampling),
        ("host", of_host),
        ("real", lambda real: of_programs(real["programs"]) if real else []),
        ("real", lambda real: of_short(real["short"]) if real else []),
        ("truth", of_truth),
        ("costs", of_costs),
    ]
    for name, part in parts:
        text = part(results[name]) if name in results else []
        if text:
            lines += [*text, ""]
    return "\n".join(lines)
