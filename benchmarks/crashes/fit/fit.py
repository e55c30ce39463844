# SPDX-License-Identifier: Apache-2.0
"""Fits the constants of Sources/Analysis/ExhaustionModel.swift, and prints them.

Needs numpy and swiftc.

Usage: fit.py RECORDINGS...    (the design set, as record.py made it)

Maximises the likelihood of a cure model: p x N((ln T - mu) / sigma) / sigma for what ran out
after T, 1 - p for the rest.
"""

import pathlib
import struct
import subprocess
import sys
import tempfile

import numpy as np
import synthetic

HERE = pathlib.Path(__file__).resolve().parent
ANALYSIS = HERE.parents[2] / "Sources" / "Analysis"
sys.path.insert(0, str(HERE.parent))
import run as recorded  # noqa: E402

FEATURES, HIDDEN, PASTS, EPOCHS, WEIGHT_OF_REAL = 38, 20, 16000, 12, 6.0
# The place in the log of what each scenario dies of; others are never reached.
DIES_OF = dict.fromkeys(
    "leak_linear leak_noise leak_accelerating leak_burst steps_leak leak_after_warmup".split(), 0
) | {
    "cgroup_memory": 2,
    "fd_leak": 4,
    "fd_leak_burst": 4,
    "socket_leak": 4,
    "pids": 6,
    "map_leak": 7,
    "file_size": 10,
    "cpu_limit": 11,
    "tmpfs": 14,
}


def real(paths):
    for path in paths:
        run = recorded.Run(path)
        for key in range(15):
            points = [
                (s[0], shares[key])
                for s, shares in zip(run.samples, run.shares, strict=True)
                if key in shares and key != recorded.THROTTLED
            ]
            if len(points) < 20:
                continue
            times, used = np.array(points).T
            dies = not run.lived and DIES_OF.get(run.scenario) == key
            if dies or np.ptp(used) >= 0.004:
                yield times, used, run.end if dies else np.inf, run.fault, np.inf


def features(pasts, folder, per_past):
    program = folder / "features"
    if not program.exists():
        sources = [HERE / "features.swift"]
        for name in ("ExhaustionHistory", "ExhaustionFeatures"):
            text = (ANALYSIS / f"{name}.swift").read_text().replace("import Recording\n", "")
            (folder / f"{name}.swift").write_text(text)
            sources.append(folder / f"{name}.swift")
        subprocess.run(["swiftc", "-O", "-parse-as-library", *sources, "-o", program], check=True)
    with open(folder / "pasts", "wb") as file:
        for times, used, _, _, longest in pasts:
            every = max(1, len(times) // 50) if per_past else 5
            file.write(struct.pack("<iid", len(times), every, longest))
            file.write(np.stack([times, used], 1).astype("<f8").tobytes())
    subprocess.run([program, folder / "pasts", folder / "rows"], check=True)
    rows = np.fromfile(folder / "rows", "<f4").reshape(-1, 3 + FEATURES).astype(float)
    of = rows[:, 0].astype(int)
    death = np.array([p[2] for p in pasts])[of]
    fault = np.array([p[3] for p in pasts])[of]
    dies = np.isfinite(death) & (rows[:, 1] >= fault) & (death > rows[:, 1])
    left = np.log(np.where(dies, np.maximum(death - rows[:, 1], 0.05), 1))
    return rows[:, 3:], rows[:, 2], dies.astype(float), left


def fitted(inputs, base, dies, left, weight):
    """Adam (Kingma and Ba 2015), with a rate that falls as a cosine."""
    random = np.random.default_rng(0)
    parts = [
        random.normal(0, 1 / np.sqrt(FEATURES), (FEATURES, HIDDEN)),
        np.zeros(HIDDEN),
        random.normal(0, 0.1, (HIDDEN, 3)),
        np.array([-0.5, 0, -0.7]),
    ]
    first, second = [np.zeros_like(p) for p in parts], [np.zeros_like(p) for p in parts]
    batch, step = 1024, 0
    steps = EPOCHS * (len(inputs) // batch)
    for _ in range(EPOCHS):
        order = random.permutation(len(inputs))
        for start in range(0, len(order) - batch, batch):
            chosen, step = order[start : start + batch], step + 1
            x, y = inputs[chosen], dies[chosen]
            units = np.tanh(x @ parts[0] + parts[1])
            out = units @ parts[2] + parts[3]
            p = 1 / (1 + np.exp(-np.clip(out[:, 0], -9, 9)))
            precision = np.exp(-np.clip(out[:, 2], -3, 1.5))
            z = np.clip((left[chosen] - base[chosen] - out[:, 1]) * precision, -4, 4)
            inside = (out[:, 2] > -3) & (out[:, 2] < 1.5)
            slope = np.stack([p - y, -y * z * precision, y * (1 - z * z) * inside], 1)
            slope *= weight[chosen][:, None] / batch
            back = (slope @ parts[2].T) * (1 - units * units)
            slopes = [
                x.T @ back + 1e-5 * parts[0],
                back.sum(0),
                units.T @ slope + 1e-5 * parts[2],
                slope.sum(0),
            ]
            rate = 2e-3 * (1 + np.cos(np.pi * step / steps)) + 1e-5
            for k in range(4):
                first[k] = 0.9 * first[k] + 0.1 * slopes[k]
                second[k] = 0.999 * second[k] + 0.001 * slopes[k] ** 2
                mean = first[k] / (1 - 0.9**step)
                parts[k] -= rate * mean / (np.sqrt(second[k] / (1 - 0.999**step)) + 1e-8)
    return parts


def main():
    paths = [p for folder in sys.argv[1:] for p in sorted(pathlib.Path(folder).glob("*.log"))]
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        made = features(synthetic.pasts(1, PASTS), folder, True)
        met = features(list(real(paths)), folder, False)
    x, base, dies, left = (np.concatenate(pair) for pair in zip(made, met, strict=True))
    weight = np.concatenate([np.ones(len(made[0])), np.full(len(met[0]), WEIGHT_OF_REAL)])
    means, deviations = x.mean(0), x.std(0) + 1e-6
    parts = fitted((x - means) / deviations, base, dies, left, weight)
    rows = []
    for unit in range(HIDDEN):
        rows += [*parts[0][:, unit], parts[1][unit]]
    for output in range(3):
        rows += [*parts[2][:, output], parts[3][output]]
    numbers = np.clip(np.round(np.array(rows) * 256).astype(int) + 4050, 0, 8099)
    print("means", ", ".join(f"{v:.4g}" for v in means))
    print("deviations", ", ".join(f"{v:.4g}" for v in deviations))
    print("weights", "".join(chr(36 + n // 90) + chr(36 + n % 90) for n in numbers))


if __name__ == "__main__":
    main()
