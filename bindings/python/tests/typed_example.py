# SPDX-License-Identifier: Apache-2.0
"""What a typed host writes. mypy reads it (test_types.py); it runs, too."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import prognos

parse = prognos.op("parse", work=len)
fetch = prognos.op("fetch")


@parse
def words(text: str) -> list[str]:
    return text.split()


@fetch
async def page(number: int) -> str:
    return f"page {number}"


@fetch
def numbers(limit: int) -> Iterator[int]:
    yield from range(limit)


@fetch
async def ticks(limit: int) -> AsyncIterator[int]:
    for number in range(limit):
        yield number


class Reader:
    @parse
    def read(self, text: str) -> int:
        return len(text)

    @parse
    @staticmethod
    def clean(text: str) -> str:
        return text.strip()


def main() -> None:
    count: int = len(words("a b c"))
    text: str = asyncio.run(page(1))
    total: int = sum(numbers(3)) + Reader().read(text) + count
    with parse as same, prognos.session("ann") as ann:
        same.work(total)
    span = fetch.span()
    with span:
        span.work(3)

    stats: prognos.OperationStats = parse.read("total")
    wall: int = stats.wall_p95_ns + parse.quantile(0.99)
    sessions: int = ann.read().count
    prognos.start(track=["cpu", "memory"], log=print, collect_interval_ms=100)

    @prognos.on_alert
    def tell(alert: prognos.Alert) -> None:
        name: str = "process" if alert.op is None else alert.op.name
        print(alert.severity, name)

    leaks: list[prognos.Leak] = prognos.leaks()
    for leak in leaks:
        print(leak.is_leak, leak.kind, leak.to_dict())
    try:
        trend: prognos.Trend = parse.trend("wall_p95", "minute")
        print(trend.direction)
    except prognos.NotEnoughData as error:
        print(error.status)
    series = prognos.series("latency", period=60.0)
    verdict: prognos.Verdict = series.add(float(wall + sessions))
    best: tuple[float, ...] | None = None
    try:
        best = prognos.productivity().best_hours
    except prognos.Error:
        pass
    print(verdict.is_anomaly, best)
    prognos.on_alert(None)
    prognos.stop()


if __name__ == "__main__":
    main()
