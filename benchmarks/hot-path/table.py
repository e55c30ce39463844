# SPDX-License-Identifier: Apache-2.0
"""The results as Markdown, with each number that has a bar beside it."""


def ratio(result: dict, name: str, to: str) -> float:
    return value(result, name) / value(result, to)


def value(result: dict, name: str) -> float:
    return next(m["ns_min"] for m in result["measures"] if m["name"] == name)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def _header(*cells: str) -> list[str]:
    return [_row(*cells), "|" + " --- |" * len(cells)]


def _verdict(number: float, bar: float, result: dict) -> str:
    if not result["records"]:
        return "nothing recorded"
    return "OK" if number <= bar else "**over**"


def _ns(number: float) -> str:
    return f"{number:,.0f}" if number >= 1000 else f"{number:.1f}"


def of_hot_path(result: dict) -> list[str]:
    """Every measure, then what follows from two of them."""
    lines = _header("measure", "ns", "median", "x two counter reads", "bar", "")
    barred = {"begin_end", "nested", "siblings", "work", "scope"}
    alone = not result["two_threads"]
    for m in result["measures"]:
        cells = [
            m["text"],
            _ns(m["ns_min"]),
            _ns(m["ns_median"]),
            f"{m['ratio']:.2f}",
            "",
            "",
        ]
        if alone and m["name"].endswith("two_threads"):
            cells[1:] = ["skipped: one CPU", "", "", "", ""]
        elif m["name"] in barred:
            cells[4:] = ["<= 1.4 x", _verdict(m["ratio"], 1.4, result)]
        lines.append(_row(*cells))

    loop, calls = value(result, "empty_loop"), value(result, "two_shared_calls")
    for name, text in [("disabled", "begin+end"), ("scope_disabled", "PROGNOS_SCOPE")]:
        net = value(result, name) - loop
        cells = [f"{text}, disabled, less the empty loop", f"{net:.2f}", "", ""]
        lines.append(_row(*cells, "< 2 ns", _verdict(net, 1.995, result)))
    net = value(result, "disabled") - calls
    lines.append(_row("begin+end, disabled, less two empty calls", f"{net:.2f}", "", "", "", ""))
    if not alone:
        threads = ratio(result, "pair_two_threads", "pair_one_thread")
        reads = ratio(result, "reads_two_threads", "reads_one_thread")
        cells = ["begin+end, 2 threads / 1 thread", "", "", f"{threads:.3f}"]
        lines.append(_row(*cells, "about 1.0 (<= 1.05)", _verdict(threads, 1.05, result)))
        cells = ["two counter reads, 2 threads / 1 thread", "", "", f"{reads:.3f}"]
        lines.append(_row(*cells, "", ""))
    return lines


def of_cpu_clock(result: dict) -> list[str]:
    lines = _header(
        "CPU time reported / true",
        *("whole", "parts", "worst error", "switches", "syncs", "stolen", "bar", ""),
    )
    for c in result["configurations"]:
        good = c["worst_error"] <= 0.01 and c["cpu_within_wall"]
        lines.append(
            _row(
                c["name"],
                f"{c['ratio_whole']:.5f}",
                f"{c['ratio_parts']:.5f}",
                f"{100 * c['worst_error']:.3f} %",
                f"{c['switches']:,}",
                f"{c['clock_syncs']:,}",
                f"{c['stolen_ms']:.0f} ms",
                "<= 1 %, CPU <= wall",
                "OK" if good else "**over**" if c["cpu_within_wall"] else "**CPU above wall**",
            )
        )
    return lines


def of_peers(results: list[dict]) -> list[str]:
    lines = _header("peer, an empty pair", "recording", "ns", "median", "x two counter reads")
    for peer in results:
        if "skipped" in peer:
            lines.append(_row(peer["name"], f"skipped: {peer['skipped']}", "", "", ""))
            continue
        for m in peer["measures"][1:]:  # the first one is the yardstick
            lines.append(
                _row(
                    f"{peer['name']}: {m['text']}",
                    "yes" if peer["recording"] else "no",
                    _ns(m["ns_min"]),
                    _ns(m["ns_median"]),
                    f"{m['ratio']:.2f}",
                )
            )
    return lines


def _environment(hot: dict) -> list[str]:
    e = hot["environment"]
    machine = f"{e['cpu_model']}, {e['cpus']} CPUs, {e['architecture']}, Linux {e['kernel']}"
    clocks = f"time source `{e['time_source']}`, CPU clock `{e['cpu_clock']}`"
    lines = [f"{machine}, gcc {e['compiler']} -O2; Prognos {e['prognos']}, {clocks}."]
    if not hot["records"]:
        lines.append("**The library recorded nothing: these numbers say nothing about it.**")
    if hot["drops"]:
        lines.append(f"**{hot['drops']} calls or names were dropped and counted as such.**")
    return lines


def of_everything(results: dict) -> str:
    hot = results["hot_path"]
    lines = [*_environment(hot), "", *of_hot_path(hot), ""]
    ratios = ", ".join(f"{r:.2f}" for r in results["begin_end_ratios"])
    errors = ", ".join(f"{100 * e:.3f} %" for e in results["cpu_clock_errors"])
    lines += [f"begin+end / two counter reads in each run: {ratios}.", ""]
    lines += [
        *of_cpu_clock(results["cpu_clock"]),
        "",
        f"Worst error in each run: {errors}.",
        "",
    ]
    if results["peers"]:
        lines += [*of_peers(results["peers"]), ""]
    return "\n".join(lines)
