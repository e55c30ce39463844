# SPDX-License-Identifier: Apache-2.0
"""Scores what record.py recorded: how well Prognos foresaw each death.

Beside it two simple rules on the same samples.

Usage: run.py RECORDINGS [RESULT.json] [--replay PROGNOS] [--quick]

With --replay the answers are those of the command PROGNOS for the recordings that
record.py --keep kept, in place of what was said live. --quick leaves the two rules out.

An alarm is a probability of 0.5 or more. A run that dies is right with an alarm after its fault
began and at least max(4 s, 15 % of its life) before its death; a run that lives, without any. The
time that is left is scored in runs that die of a limit, at half and three quarters of their life,
where the fault had begun by then. A time that was not told counts as an error of 100 %.
"""

import argparse
import concurrent.futures
import json
import math
import pathlib
import statistics
import subprocess

EXPECTED = {
    "leak_linear": {"address space", "data segment"},
    "leak_noise": {"address space", "data segment"},
    "leak_accelerating": {"address space", "data segment"},
    "leak_burst": {"address space", "data segment"},
    "steps_leak": {"address space", "data segment"},
    "leak_after_warmup": {"address space", "data segment"},
    "cgroup_memory": {"cgroup memory"},
    "fd_leak": {"file descriptors"},
    "fd_leak_burst": {"file descriptors"},
    "socket_leak": {"file descriptors", "sockets"},
    "pids": {"cgroup pids"},
    "tmpfs": {"written disk", "disk"},
    "file_size": {"file size"},
    "cpu_limit": {"CPU seconds"},
    "map_leak": {"memory maps"},
    "deadlock": {"deadlock", "stall"},
    "stalled": {"deadlock", "stall"},
    "io_throttled": {"latency", "queue"},
    "cpu_quota": {"CPU quota", "latency", "queue"},
}
NO_LIMIT = {"deadlock", "stalled", "io_throttled", "cpu_quota"}
NAMES = ["checkout", "search", "render", "report"]
THROTTLED = 12  # the place of a resource in the log that cannot run out


class Run:
    """One log: what was said at each moment, and what of each resource was used."""

    def __init__(self, path):
        self.scenario, self.seed = path.name.split(".")[:2]
        self.samples, self.shares, self.fault, self.guilty = [], [], 0.0, ""
        self.lived = False
        limits = {}
        for line in path.read_text(errors="replace").split("\n"):
            kind = line[:2]
            if kind == "S " and line.count("|") >= 2:
                head, resource, rest = line.split("|", 2)
                words = head.split()
                if len(words) < 10:
                    continue
                self.samples.append([float(w) for w in words[1:8]] + [int(words[9]), resource])
                shares = {}
                for item in filter(None, rest.split(";")):
                    key, _, value = item.partition("=")
                    used, _, limit = value.partition("/")
                    try:
                        if limit:
                            limits[int(key)] = float(limit)
                        if limits.get(int(key), 0) > 0:
                            shares[int(key)] = float(used) / limits[int(key)]
                    except ValueError:
                        pass  # cut off by the death
                self.shares.append(shares)
            elif kind == "G ":
                self.guilty = line[2:].strip()
            elif kind == "F ":
                self.fault = float(line[2:])
            elif kind == "E ":
                self.lived = True
        self.end = self.samples[-1][0] + 0.05
        self.life = math.inf if self.lived else self.end

    def replay(self, tool, path):
        """Takes what was said from the recording, assessed again; times are those of the log."""
        said = subprocess.run(
            [tool, "replay", path, "--crashes"], capture_output=True, text=True, check=False
        ).stdout
        answers = []
        for line in said.split("\n"):
            if line.startswith("S ") and line.count("|") >= 2:
                head, resource, _ = line.split("|", 2)
                words = head.split()
                answers.append([float(w) for w in words[1:8]] + [int(words[9]), resource])
        latest, place = None, 0
        for sample in self.samples:
            while place < len(answers) and answers[place][0] <= sample[0]:
                latest, place = answers[place], place + 1
            if latest:
                sample[1:] = latest[1:]
        return bool(answers)

    def deadline(self):
        return self.end - max(4, 0.15 * self.end)


def prognos(run):
    """(time, probability, horizon, left, low, high) of each sample."""
    return [(s[0], s[1], max(s[3], 12), s[4], s[5], s[6]) for s in run.samples]


def horizon_at(time):
    return max(12, 0.35 * time)


def fixed(run):
    answers = []
    for sample, shares in zip(run.samples, run.shares):
        full = any(u >= 0.8 for k, u in shares.items() if k != THROTTLED)
        answers.append(
            (sample[0], float(full), horizon_at(sample[0]), math.inf, math.inf, math.inf)
        )
    return answers


def mann_kendall(run):
    """Once a second, on 64 to 128 means: a trend at 5 %, above 65 %, that ends in time."""
    answers, latest = [], None
    for index, (sample, shares) in enumerate(zip(run.samples, run.shares)):
        time = sample[0]
        if latest is None or time - latest[0] >= 1:
            best = (0.0, math.inf)
            for key, used in shares.items():
                if key == THROTTLED or used <= 0.65 or index < 30:
                    continue
                past = [s.get(key, used) for s in run.shares[: index + 1]]
                times = [s[0] for s in run.samples[: index + 1]]
                block = max(len(past) // 64, 1)
                means = [statistics.fmean(past[i : i + block]) for i in range(0, len(past), block)]
                middles = [times[i] for i in range(0, len(past), block)]
                slopes, sign = [], 0
                for j in range(1, len(means)):
                    for i in range(j):
                        change = means[j] - means[i]
                        sign += (change > 0) - (change < 0)
                        slopes.append(change / max(middles[j] - middles[i], 1e-3))
                n = len(means)
                if n < 8:
                    continue
                z = (sign - 1) / math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
                slope = statistics.median(slopes)
                if z > 1.96 and slope > 0:
                    left = (1 - used) / slope
                    best = max(
                        best, (float(left <= horizon_at(time)), left), key=lambda b: (b[0], -b[1])
                    )
            latest = (time, best)
        probability, left = latest[1]
        answers.append((time, probability, horizon_at(time), left, math.inf, math.inf))
    return answers


def wilson(hits, count, z=1.96):
    """The 95 % interval of a share (Wilson 1927)."""
    if not count:
        return None
    share, square = hits / count, z * z / count
    middle = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / count + square / (4 * count)) / (1 + square)
    return [round(middle - half, 3), round(middle + half, 3)]


def score(runs, method):
    rows, brier, half, late, covered = [], [], [], [], []
    for run in runs:
        answers = method(run)
        alarm = next((i for i, a in enumerate(answers) if a[1] >= 0.5), None)
        when = answers[alarm][0] if alarm is not None else math.inf
        row = {"scenario": run.scenario, "seed": run.seed, "alarm": when, "life": run.life}
        errors = [(a[1] - (run.life - a[0] <= a[2])) ** 2 for a in answers[::10] if a[0] >= 1]
        row["brier"] = statistics.fmean(errors) if errors else 0.0
        brier.append(row["brier"])
        if run.lived:
            row["right"] = alarm is None
        else:
            row["in_time"] = when <= run.deadline()
            row["early"] = when < run.fault - 0.05 * run.end
            row["right"] = row["in_time"] and not row["early"]
            if method is prognos and alarm is not None:
                # The last answer that still leaves time to act.
                last = max(
                    (i for i, a in enumerate(answers) if a[0] <= max(run.deadline(), when)),
                    default=alarm,
                )
                said = run.samples[max(last, alarm)]
                row["resource_right"] = said[8] in EXPECTED[run.scenario]
                row["operation_right"] = NAMES[said[7] - 1 : said[7]] == [run.guilty]
                row["resource"], row["operation"] = said[8], said[7]
            if run.scenario not in NO_LIMIT:
                for share, errors in ((0.5, half), (0.75, late)):
                    at = share * run.end
                    if run.fault > at - 0.1 * run.end:
                        continue
                    answer = next((a for a in answers if a[0] >= at), None)
                    if answer:
                        left = run.end - answer[0]
                        errors.append(min(abs(answer[3] - left) / left, 1))
                for part in range(8, 20):
                    at = part / 20 * run.end
                    answer = next((a for a in answers if a[0] >= at), None)
                    if answer and run.fault <= at - 0.1 * run.end and math.isfinite(answer[5]):
                        covered.append(answer[4] <= run.end - answer[0] <= answer[5])
        rows.append(row)

    def mean(values):
        values = list(values)
        return round(statistics.fmean(values), 4) if values else None

    def share(values):
        values = list(values)
        return wilson(sum(values), len(values))

    dead = [r for r in rows if "in_time" in r]
    return {
        "runs": len(rows),
        "intervals_95": {
            "accuracy": share(r["right"] for r in rows),
            "recall_with_lead": share(r["in_time"] for r in dead),
            "false_alarm_runs": share(not r["right"] for r in rows if "in_time" not in r),
        },
        "accuracy": mean(r["right"] for r in rows),
        "recall_with_lead": mean(r["in_time"] for r in dead),
        "false_alarm_runs": mean(not r["right"] for r in rows if "in_time" not in r),
        "early_alarm_runs": mean(r["early"] for r in dead),
        "brier": mean(brier),
        "time_left_error_half": round(statistics.median(half), 4) if half else None,
        "time_left_error_three_quarters": round(statistics.median(late), 4) if late else None,
        "interval_80_covers": mean(covered),
        "resource_right": mean(r["resource_right"] for r in rows if "resource_right" in r),
        "operation_right": mean(r["operation_right"] for r in rows if "operation_right" in r),
        "scenarios": {
            name: {
                "right": mean(r["right"] for r in rows if r["scenario"] == name),
                "brier": mean(r["brier"] for r in rows if r["scenario"] == name),
                "resource_right": mean(
                    r["resource_right"]
                    for r in rows
                    if r["scenario"] == name and "resource_right" in r
                ),
                "operation_right": mean(
                    r["operation_right"]
                    for r in rows
                    if r["scenario"] == name and "operation_right" in r
                ),
                "alarm_and_life": [
                    [None if math.isinf(x) else round(x, 1) for x in (r["alarm"], r["life"])]
                    for r in rows
                    if r["scenario"] == name
                ],
            }
            for name in sorted({r["scenario"] for r in rows})
        },
    }


def read(path, replay):
    if "\nX " not in path.read_text(errors="replace"):
        return None
    run = Run(path)
    if not run.lived and run.scenario not in EXPECTED:
        print(f"[skip] {path.name}: was to live, and died")
        return None
    kept = path.with_suffix(".prognos")
    if replay and not (kept.exists() and run.replay(replay, kept)):
        print(f"[skip] {path.name}: no recording that can be assessed again")
        return None
    return run


def main():
    options = argparse.ArgumentParser()
    options.add_argument("recordings", type=pathlib.Path)
    options.add_argument("result", type=pathlib.Path, nargs="?")
    options.add_argument("--replay", help="the command prognos")
    options.add_argument("--quick", action="store_true")
    options = options.parse_args()
    paths = sorted(options.recordings.glob("*.log"))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        runs = [r for r in pool.map(lambda p: read(p, options.replay), paths) if r]
    methods = {"prognos": prognos}
    if not options.quick:
        methods |= {"fixed_80_percent": fixed, "mann_kendall_sen_above_65_percent": mann_kendall}
    result = {}
    for name, method in methods.items():
        result[name] = score(runs, method)
        print(name, {k: v for k, v in result[name].items() if k != "scenarios"})
    for name, of in result["prognos"]["scenarios"].items():
        print(
            f"  {name:18}",
            of["right"],
            "resource",
            of["resource_right"],
            "operation",
            of["operation_right"],
            "brier",
            of["brier"],
            of["alarm_and_life"],
        )
    if options.result:
        options.result.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
