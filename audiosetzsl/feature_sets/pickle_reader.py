"""Pickle reader: follows the instructions that pickled dictionaries of arrays consist of, and refuses all others."""

import io
import math
import pickletools
import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

import numpy as np

MAX_BYTES = 1 << 30  # of a file of class vectors; 1,000 classes of 300 numbers take 2.4 MB
MAX_AXES = 32  # of an array of NumPy 1; more would only be counted


class _Named(Enum):
    """What a pickled array may ask for by name: only a word here, there is nothing behind it to call or to set."""

    RECONSTRUCT = "an empty array"
    NDARRAY = "the type of arrays"
    DTYPE = "a kind of numbers"
    ENCODE = "bytes, as the text of the same numbers"


_KNOWN: Final = {
    "numpy.ndarray": _Named.NDARRAY,
    "numpy.dtype": _Named.DTYPE,
    "numpy.core.multiarray._reconstruct": _Named.RECONSTRUCT,
    "numpy._core.multiarray._reconstruct": _Named.RECONSTRUCT,  # as NumPy 2 calls it
    "_codecs.encode": _Named.ENCODE,  # bytes in protocol 2, as older NumPy saved
}
# Instructions that put down the value that they carry; the strings are bytes of Python 2.
_VALUES: Final = frozenset(
    (
        *("BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT"),
        *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINSTRING", "SHORT_BINSTRING"),
        *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    )
)
_CONSTANTS: Final = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_TUPLES: Final = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_OBJECTS: Final = ("O4", "O8")
_STRANGE: Final = re.compile(r"[^\w.]")  # in the name of a module
_KIND: Final = re.compile(r"[biufc][1-9][0-9]?|O[48]")


@dataclass(slots=True, eq=False)
class _Kind:
    """A dtype: its letter and size, and the order of bytes once that is told."""

    code: str
    order: str = ""


@dataclass(slots=True, eq=False)
class PickledArray:
    """An array; what it holds once that is told, numbers or the one object."""

    held: object = None


@dataclass(slots=True, eq=False)
class PickleReader:
    """Follows the instructions that dictionaries of arrays are pickled with, and no others.

    `pickle.Unpickler` is not safe even where `find_class` lets only NumPy through: NumPy believes the state that a
    file gives its dtypes, and takes numbers for addresses. Here the file reaches NumPy as checked numbers only.
    """

    left: int  # bytes that arrays may still take
    stack: list[object] = field(default_factory=list)
    below: list[list[object]] = field(default_factory=list)  # stacks before each mark
    memo: dict[int, object] = field(default_factory=dict)

    def load(self, file: io.BytesIO) -> object:
        """What the instructions make."""
        for instruction, told, _ in pickletools.genops(file):
            self._follow(instruction.name, told)
        return self.stack.pop()

    def _follow(self, name: str, told: object) -> None:
        stack = self.stack
        match name, told:
            case "PROTO" | "FRAME" | "STOP", _:
                pass
            case (("BINPUT" | "LONG_BINPUT"), int(place)):
                self.memo[place] = stack[-1]
            case "MEMOIZE", _:
                self.memo[len(self.memo)] = stack[-1]
            case (("BINGET" | "LONG_BINGET"), int(place)):
                stack.append(self.memo[place])
            case "MARK", _:
                self.below.append(stack)
                self.stack = []
            case "TUPLE", _:
                self.stack = self.below.pop()
                self.stack.append(tuple(stack))
            case (("APPENDS" | "SETITEMS"), _):
                self.stack = self.below.pop()
                _put_in(self.stack[-1], stack, name)
            case "APPEND", _:
                item = stack.pop()
                _put_in(stack[-1], [item], name)
            case "SETITEM", _:
                item, key = stack.pop(), stack.pop()
                _put_in(stack[-1], [key, item], name)
            case "EMPTY_LIST", _:
                stack.append([])
            case "EMPTY_DICT", _:
                stack.append({})
            case "GLOBAL", str(wanted):
                stack.append(_known(*wanted.split(" ", 1)))
            case "STACK_GLOBAL", _:
                last, module = stack.pop(), stack.pop()
                stack.append(_known(module, last))
            case "REDUCE", _:
                arguments, function = stack.pop(), stack.pop()
                stack.append(_made(function, arguments))
            case "BUILD", _:
                state = stack.pop()
                self._build(stack[-1], state)
            case (("PERSID" | "BINPERSID"), _):
                raise ValueError("it asks for an object kept elsewhere")
            case _ if name in _TUPLES:
                items = [stack.pop() for _ in range(_TUPLES[name])]
                stack.append(tuple(reversed(items)))
            case _ if name in _CONSTANTS:
                stack.append(_CONSTANTS[name])
            case _ if name in _VALUES:
                stack.append(told)
            case _:
                raise ValueError(f"it asks for {name}, which no array needs")

    def _build(self, made: object, state: object) -> None:
        match made, state:
            case _Kind(), (3, "<" | ">" | "|" as order, None, None, None, -1, -1, 0 | 63 as flags):
                if (flags == 63) != (made.code in _OBJECTS):
                    raise ValueError("a dtype contradicts itself on whether it is of objects")
                made.order = order
            case PickledArray(), (1, (), _Kind(code="O4" | "O8", order="|"), bool(), [held]):
                made.held = held
            case PickledArray(), (
                1,
                tuple(shape),
                _Kind() as kind,
                bool(by_columns),
                bytes() | str() as content,
            ):
                made.held = self._numbers(shape, kind, content, by_columns)
            case _:
                raise ValueError("an array or dtype is described in a way in which NumPy does not")

    def _numbers(
        self, shape: tuple[object, ...], kind: _Kind, content: bytes | str, by_columns: bool
    ) -> np.ndarray:
        # Sizes are checked before anything is multiplied or shown: they may be anything, of any length.
        sizes = [size for size in shape[: MAX_AXES + 1] if type(size) is int and 0 <= size <= MAX_BYTES]
        if len(sizes) != len(shape) or len(sizes) > MAX_AXES:
            raise ValueError(f"the shape of an array is not up to {MAX_AXES} sizes of 0 to {MAX_BYTES}")
        if not kind.order or kind.code in _OBJECTS:
            raise ValueError("an array is not of numbers in a known order of bytes")
        # Of one piece of content, a file could have any number of copies made.
        self.left -= len(content)
        if self.left < 0:
            raise ValueError("its arrays have more bytes than the file")
        dtype = np.dtype(kind.order + kind.code)
        if len(content) != (expected := math.prod(sizes) * dtype.itemsize):
            raise ValueError(f"an array {sizes} of {dtype} has {len(content)} bytes, expected {expected}")
        raw = content.encode("latin1") if isinstance(content, str) else content
        array = np.frombuffer(raw, dtype).reshape(sizes, order="F" if by_columns else "C")
        return array.astype(dtype.newbyteorder("="))  # a copy, and as NumPy unpickles: in the order at home


def _known(module: object, name: object) -> _Named:
    if not isinstance(module, str) or not isinstance(name, str):
        raise ValueError("it asks for something by what is no name")
    wanted = f"{module}.{name}"
    if wanted not in _KNOWN:
        raise ValueError(f"it asks for {_STRANGE.sub('?', wanted[:99])}, which no array needs")
    return _KNOWN[wanted]


def _made(function: object, arguments: object) -> object:
    match function, arguments:
        case _Named.RECONSTRUCT, (_Named.NDARRAY, (0,), _):
            return PickledArray()
        case _Named.DTYPE, (str(code), 0, 1) if _KIND.fullmatch(code):
            return _Kind(code)
        case _Named.ENCODE, (str(text), "latin1"):
            return text  # encoded where it is used, and counted
    raise ValueError("it wants something made that is no array of numbers, and not the one of the dictionary")


def _put_in(whole: object, items: list[object], name: str) -> None:
    if isinstance(whole, list) and name.startswith("APPEND"):
        whole.extend(items)
    elif isinstance(whole, dict) and name.startswith("SETITEM") and len(items) % 2 == 0:
        # To hash tuples in tuples can take forever, or more stack than there is; so can huge numbers that collide.
        if not all(
            type(key) in (str, bytes) or (type(key) is int and key.bit_length() < 32) for key in items[::2]
        ):
            raise ValueError("a dictionary has a key that is no name")
        whole.update(zip(items[::2], items[1::2], strict=True))
    else:
        raise ValueError(f"it uses {name} on something that is not made for it")
