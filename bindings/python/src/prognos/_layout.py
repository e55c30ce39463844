# SPDX-License-Identifier: Apache-2.0
"""How an answer of the library is declared: once, as a dataclass.

The annotations of a dataclass say what its fields are in C and in Python; the C struct follows from
them (`structure`), and so does the way from one to the other (`answer`). Fields of the struct that
say nothing to a host ("reserved") are class variables: they have a place, and no value.
"""

import ctypes
import dataclasses
import math
import typing
from typing import Annotated, Any, TypeVar

from . import _names

if typing.TYPE_CHECKING:
    from prognos import Operation

__all__ = ["Answer", "answer", "answers", "structure"]


class Native:
    """What a field is in C, and how its value becomes Python's."""

    __slots__ = ("ctype", "names", "read")

    def __init__(self, ctype: Any, read: Any = None, names: Any = None) -> None:
        self.ctype, self.read, self.names = ctype, read, names


def operation_of(handle: int) -> "Operation | None":
    """The operation with this handle; None for 0 and for a handle that was never given out."""
    from . import Operation, _core

    name = _core.op_name(handle)
    return None if name is None else Operation(name)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _optional_text(raw: "bytes | None") -> "str | None":
    return None if raw is None else raw.decode("utf-8", "replace")


F64 = Annotated[float, Native(ctypes.c_double)]
U64 = Annotated[int, Native(ctypes.c_uint64)]
I64 = Annotated[int, Native(ctypes.c_int64)]
U32 = Annotated[int, Native(ctypes.c_uint32)]
I32 = Annotated[int, Native(ctypes.c_int32)]
Flag = Annotated[bool, Native(ctypes.c_uint32, bool)]
Op = Annotated["Operation | None", Native(ctypes.c_uint32, operation_of)]
Pointer = Annotated[typing.Optional[int], Native(ctypes.c_void_p)]
String = Annotated[str, Native(ctypes.c_char_p, _text)]
OptionalString = Annotated[typing.Optional[str], Native(ctypes.c_char_p, _optional_text)]
Text16 = Annotated[str, Native(ctypes.c_char * 16, _text)]
Text24 = Annotated[str, Native(ctypes.c_char * 24, _text)]
Text32 = Annotated[str, Native(ctypes.c_char * 32, _text)]
Text48 = Annotated[str, Native(ctypes.c_char * 48, _text)]
Text64 = Annotated[str, Native(ctypes.c_char * 64, _text)]
Text240 = Annotated[str, Native(ctypes.c_char * 240, _text)]
Text1024 = Annotated[str, Native(ctypes.c_char * 1024, _text)]
Hours = Annotated[tuple[float, ...], Native(ctypes.c_double * 24, tuple)]


def enumeration(names: "typing.Mapping[int, str | None]") -> Native:
    """A C enum, which is a word in Python; a number that is not known here is "unknown 7"."""
    return Native(ctypes.c_uint32, lambda value: names.get(value, f"unknown {value}"), names)


def _words(bits: int) -> "tuple[str, ...]":
    return tuple(word for word, bit in _names.TRACKS.items() if bits & bit)


Metric = Annotated[str, enumeration(_names.METRIC_NAMES)]
OptionalMetric = Annotated[typing.Optional[str], enumeration({0: None, **_names.METRIC_NAMES})]
AnomalyKind = Annotated[str, enumeration(_names.ANOMALY_KINDS)]
OptionalAnomalyKind = Annotated[
    typing.Optional[str], enumeration({0: None, **_names.ANOMALY_KINDS})
]
LeakKind = Annotated[str, enumeration(_names.LEAK_KINDS)]
CrashKind = Annotated[str, enumeration(_names.CRASH_KINDS)]
Severity = Annotated[str, enumeration(_names.SEVERITIES)]
ExperimentState = Annotated[str, enumeration(_names.EXPERIMENT_STATES)]
SuggestionKind = Annotated[str, enumeration(_names.SUGGESTION_KINDS)]
Impact = Annotated[str, enumeration(_names.IMPACTS)]
OnFork = Annotated[str, enumeration({number: name for name, number in _names.ON_FORK.items()})]
Tracks = Annotated[tuple[str, ...], Native(ctypes.c_uint32, _words)]


class Answer:
    """What answers have in common: they are values, to be compared, copied and pickled."""

    __slots__ = ()
    C: typing.ClassVar[str]

    def to_dict(self) -> "dict[str, Any]":
        """All fields as JSON has them: an operation as its name, infinity and NaN as None."""
        return {
            field.name: _plain(getattr(self, field.name))
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
        }


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return value.name


def natives(cls: type) -> "typing.Iterator[tuple[str, Native, bool]]":
    """The fields of the struct in their order: name, what it is, whether it is told to hosts."""
    for name, annotation in cls.__annotations__.items():
        origin: object = typing.get_origin(annotation)
        is_told = origin is not typing.ClassVar
        if not is_told:
            (annotation,) = typing.get_args(annotation)
        for detail in getattr(annotation, "__metadata__", ()):
            if isinstance(detail, Native):
                yield name, detail, is_told


_structures: "dict[type, tuple[type[ctypes.Structure], list[tuple[str, Any]]]]" = {}


def _layout(cls: type) -> "tuple[type[ctypes.Structure], list[tuple[str, Any]]]":
    known = _structures.get(cls)
    if known is None:
        fields = list(natives(cls))
        struct = type(
            cls.__name__,
            (ctypes.Structure,),
            {"_fields_": [(name, native.ctype) for name, native, _ in fields]},
        )
        known = struct, [(name, native.read) for name, native, is_told in fields if is_told]
        _structures[cls] = known
    return known


def structure(cls: type) -> "type[ctypes.Structure]":
    """The ctypes structure of an answer."""
    return _layout(cls)[0]


A = TypeVar("A", bound=Answer)


def answer(cls: "type[A]", raw: ctypes.Structure) -> A:
    """The answer in a structure."""
    return cls(
        *[
            getattr(raw, name) if read is None else read(getattr(raw, name))
            for name, read in _layout(cls)[1]
        ]
    )


def answers(cls: "type[A]", raws: Any) -> "list[A]":
    """The answers in an array of structures."""
    return [answer(cls, raw) for raw in raws]
