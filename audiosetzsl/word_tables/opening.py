"""Opening: the bytes of a table, packed by gzip or not, and the rules that every vector has to meet."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase, BufferedReader
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from audiosetzsl.errors import SetupError

GZIP = b"\x1f\x8b"
MAX_WIDTH = 100_000  # of a header that says more, something else was meant
_BUFFER = 1 << 20


@contextmanager
def opened(path: Path) -> Iterator[BufferedIOBase]:
    """Yield the bytes of a file, unpacked if it is gzip's, whatever its name.

    Raises:
        SetupError: the file cannot be read, or breaks off.
    """
    try:
        with BufferedReader(path.open("rb", buffering=0), _BUFFER) as file:
            packed = file.read(len(GZIP)) == GZIP
            file.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=file) as unpacked:
                    yield unpacked
            else:
                yield file
    except (EOFError, OSError, zlib.error) as problem:
        raise SetupError(f"{path} cannot be read ({problem}); fetch it again or check the path") from problem


def is_packed(path: Path) -> bool:
    """Whether a file is gzip's: its size says nothing of what is in it then."""
    with path.open("rb") as file:
        return file.read(len(GZIP)) == GZIP


def checked(vector: np.ndarray, where: str) -> Float32[np.ndarray, " width"]:
    """A vector of a table as float32, if it has at least two numbers and all are finite.

    Raises:
        SetupError: it has not; the message begins with `where`.
    """
    if vector.ndim != 1 or len(vector) < 2:
        raise SetupError(f"{where}: {vector.size} numbers, expected 2 or more; the table is damaged")
    with np.errstate(over="ignore"):
        narrow = vector.astype(np.float32)
    if not np.isfinite(narrow).all():
        raise SetupError(
            f"{where}: not all numbers are finite in float32; the table is damaged, fetch it again"
        )
    return narrow
