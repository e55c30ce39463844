# SPDX-License-Identifier: Apache-2.0
"""Real leaks of real packages, each with the version that has it fixed; and look-alikes.

A scenario is a function that sets up and gives the function to call. Each names the release
notes' word for it.
"""

# (scenario, package, the version that leaks, the one that does not)
PACKAGES = [
    ("hiredis_map", "hiredis", "3.1.0", "3.2.0"),
    ("protobuf_byte_size", "protobuf", "4.22.1", "4.25.8"),
    ("ujson_large_int", "ujson", "5.11.0", "5.12.1"),
    ("orjson_default_raises", "orjson", "3.8.14", "3.9.5"),
    ("multidict_keys", "multidict", "6.3.2", "6.4.4"),
    ("multidict_delete", "multidict", "6.6.3", "6.6.4"),
    ("msgspec_raw_copy", "msgspec", "0.18.6", "0.19.0"),
    ("msgspec_defstruct", "msgspec", "0.18.6", "0.19.0"),
    ("msgspec_meta_pattern", "msgspec", "0.19.0", "0.20.0"),
    ("msgpack_map_key", "msgpack", "1.2.2", "1.2.3"),
    ("msgpack_unhashable_key", "msgpack", "1.2.2", "1.2.3"),
]


def hiredis_map():
    import hiredis

    first = b"$20\r\nabcdefghij0123456789\r\n$20\r\nklmnopqrst0123456789\r\n"
    message = b"%2\r\n" + first + b"+key\r\n:123456789\r\n"

    def call():
        reader = hiredis.Reader()
        reader.feed(message)
        reader.gets()

    return call


def protobuf_byte_size():
    from google.protobuf.type_pb2 import Type

    return lambda: Type().source_context.ByteSize()


def ujson_large_int():
    import ujson

    return lambda: ujson.loads("[1234567890123456789012345, 99999999999999999999999]")


def orjson_default_raises():
    import orjson

    def default(value):
        raise ValueError(f"cannot encode {value!r} in this place")

    def call():
        try:
            orjson.dumps({"a": object()}, default=default)
        except TypeError:
            pass

    return call


def multidict_keys():
    import multidict

    count = iter(range(10**9))
    return lambda: list(multidict.CIMultiDict({f"Header-{next(count)}": "value"}))


def multidict_delete():
    import multidict

    count = iter(range(10**9))

    def call():
        number = next(count)
        headers = multidict.MultiDict([(f"key-{number}", f"value-{number}")])
        del headers[f"key-{number}"]

    return call


def msgspec_raw_copy():
    import msgspec

    class Envelope(msgspec.Struct):
        body: msgspec.Raw

    decoder = msgspec.json.Decoder(Envelope)
    count = iter(range(10**9))
    return lambda: decoder.decode(b'{"body": [1, 2, 3, %d]}' % next(count)).body.copy()


def msgspec_defstruct():
    import msgspec

    return lambda: msgspec.defstruct("Point", [("x", int), ("y", int)])


def msgspec_meta_pattern():
    import re

    import msgspec

    count = iter(range(10**9))

    def call():
        msgspec.Meta(pattern=f"^a{next(count)}$")
        re.purge()

    return call


def msgpack_map_key():
    import msgpack

    message = b"\x81\xcd\x10\x01\xd9\x40" + b"v" * 64

    def call():
        try:
            msgpack.unpackb(message)
        except ValueError:
            pass

    return call


def msgpack_unhashable_key():
    import msgpack

    def call():
        try:
            msgpack.unpackb(b"\x81\x91\x01\xa3xyz", strict_map_key=False)
        except TypeError:
            pass

    return call


# Look-alikes: none of these leaks.


def cache_fills():
    import functools

    @functools.lru_cache(50_000)
    def compute(key):
        return f"result-{key}"

    count = iter(range(10**9))
    return lambda: compute(next(count))


def ordered_cache_fills():
    import collections

    cache = collections.OrderedDict()
    count = iter(range(10**9))

    def call():
        key = next(count)
        cache[key] = bytes(100)
        if len(cache) > 50_000:
            cache.popitem(last=False)

    return call


def warm_up():
    known = {}
    count = iter(range(10**9))

    def call():
        key = next(count) % 500
        if key not in known:
            known[key] = bytearray(2000)
        return known[key]

    return call


def pool():
    free = [bytearray(4096) for _ in range(8)]
    count = iter(range(10**9))

    def call():
        number = next(count)
        taken = [free.pop() if free else bytearray(4096) for _ in range(1 + number % 64)]
        free.extend(taken)

    return call


def sawtooth():
    batch = []

    def call():
        batch.append(bytes(500))
        if len(batch) >= 700:
            batch.clear()

    return call


def cycles():
    """Garbage that the collector of cycles frees now and then."""

    def call():
        first, second = {}, {}
        first["other"], second["other"] = second, first
        first["data"] = bytes(300)

    return call


def exceptions_kept_shortly():
    import collections

    recent = collections.deque(maxlen=200)

    def call():
        try:
            raise ValueError("x" * 200)
        except ValueError as error:
            recent.append(error)

    return call


def text_work():
    import json

    value = {"a": list(range(50)), "b": "text" * 20}
    return lambda: json.loads(json.dumps(value))


LOOK_ALIKES = [
    cache_fills,
    ordered_cache_fills,
    warm_up,
    pool,
    sawtooth,
    cycles,
    exceptions_kept_shortly,
    text_work,
]
