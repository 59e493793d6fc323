"""Shared state: a few numbers in a small file under a lock, the same for every process that uses it."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from audiosetzsl.files import locked, write_bytes

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

S = TypeVar("S", bound="DataclassInstance")


class SharedState(Generic[S]):
    """A dataclass of numbers, read and written whole or not at all."""

    def __init__(
        self, path: Path, kind: type[S], latest: Callable[[], float], damaged: Callable[[], S]
    ) -> None:
        """Numbers of `latest()` or more are none that we wrote; `damaged` makes what then counts instead."""
        self._path, self._lock = path, path.with_suffix(".lock")
        self._kind, self._latest, self._damaged = kind, latest, damaged

    @contextmanager
    def held(self) -> Iterator[S]:
        """The state, under its lock; what is changed is written."""
        with locked(self._lock):
            state = self._read()
            before = asdict(state)
            yield state
            if asdict(state) != before:
                write_bytes(self._path, json.dumps(asdict(state)).encode())

    def _read(self) -> S:
        try:
            noted = json.loads(self._path.read_text())
            values = {f.name: f.type(noted[f.name]) for f in fields(self._kind)}  # type: ignore[operator]
            if not all(math.isfinite(value) and value < self._latest() for value in values.values()):
                raise ValueError(f"{values} was written by a clock that was wrong")
            return self._kind(**values)
        except FileNotFoundError:
            return self._kind()
        except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
            return self._damaged()
