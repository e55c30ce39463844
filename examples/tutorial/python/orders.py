# SPDX-License-Identifier: Apache-2.0
"""The program of docs/tutorial-python.md: batches of orders go through two threads.

It has three faults; with FIX=1 in the environment it runs without the first, with FIX=2 without
two, with FIX=3 without any.

    receive: parse -> merge -> price -> remember   ==queue==>   deliver: sign

    FIX=0 python orders.py 20                       # for twenty seconds; then the report
    FIX=2 python orders.py 25 --experiment          # and what a faster operation is worth, measured
"""

import hashlib
import os
import queue
import random
import sys
import threading
import time

import prognos

FIX = int(os.environ.get("FIX", "0"))
MOST_ORDERS, PAGE = 900, 60


def write_orders(chance: random.Random) -> str:
    """Orders as they come: some hundreds of lines "item amount", some items more than once."""
    lines = chance.randrange(60, MOST_ORDERS)
    return "\n".join(f"k{chance.randrange(20000)} {chance.randrange(1, 17)}" for _ in range(lines))


@prognos.op("parse", work=len)
def parse(text: str) -> list[list]:
    return [[item, int(amount)] for item, amount in (line.split() for line in text.splitlines())]


@prognos.op("merge", work=len)
def merge(orders: list[list]) -> list[list]:
    """Several orders of an item become one."""
    if FIX >= 2:
        amounts: dict[str, int] = {}
        for item, amount in orders:
            amounts[item] = amounts.get(item, 0) + amount
        return [[item, amount] for item, amount in amounts.items()]
    items: list[str] = []
    merged: list[list] = []
    for item, amount in orders:
        if item in items:
            merged[items.index(item)][1] += amount
        else:
            items.append(item)
            merged.append([item, amount])
    return merged


def ask_for_prices(items: list[str]) -> list[int]:
    """A question to another machine, which takes its time to answer."""
    time.sleep(0.001)
    return [100 + len(item) * 7 for item in items]


@prognos.op("price")
def price(orders: list[list]) -> None:
    step = MOST_ORDERS if FIX >= 3 else PAGE  # the other machine takes them all at once
    for begin in range(0, len(orders), step):
        page = orders[begin : begin + step]
        for order, each in zip(page, ask_for_prices([item for item, _ in page]), strict=True):
            order.append(each)


receipts: dict[int, str] = {}


@prognos.op("remember")
def remember(number: int, orders: list[list]) -> None:
    """The latest receipts, for questions of customers."""
    receipts[number] = "\n".join(f"{amount} x {item} = {each}" for item, amount, each in orders)
    if FIX >= 1 and number >= 50:
        del receipts[number - 50]


@prognos.op("sign", work=len)
def sign(text: bytes) -> bytes:
    """A signature over many copies. hashlib lets other threads run meanwhile."""
    return hashlib.sha512(text * 150).digest()


def receive(batches: queue.Queue, until: float) -> None:
    chance, number, operation = random.Random(1), 0, prognos.op("receive")
    while time.monotonic() < until:
        text = write_orders(chance)
        with operation:
            orders = merge(parse(text))
            price(orders)
            remember(number, orders)
        number += 1
        with prognos.op("wait_for_room"):
            batches.put(orders)
    batches.put(None)


def deliver(batches: queue.Queue) -> None:
    operation = prognos.op("deliver")
    while (orders := batches.get()) is not None:
        with operation:
            sign(repr(orders).encode())


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    batches: queue.Queue = queue.Queue(maxsize=8)
    threads = [
        threading.Thread(target=receive, args=(batches, time.monotonic() + seconds)),
        threading.Thread(target=deliver, args=(batches,)),
    ]
    prognos.start()
    for thread in threads:
        thread.start()
    if "--experiment" in sys.argv:
        prognos.experiment(prognos.op("deliver"), seconds - 1)
    for thread in threads:
        thread.join()
    print(f"{prognos.op('deliver').read().count / seconds:.0f} batches a second", flush=True)
    prognos.assess()
    for leak in prognos.leaks():
        print(f"{leak.op.name if leak.op else 'the process'}: {leak.reason}", flush=True)
    prognos.dump("-", "text")


main()
