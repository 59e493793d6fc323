"""Arrays of an .npz, a block of rows at a time as they come out of the archive; pickles stay unread."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import cast
from zipfile import ZipExtFile, ZipFile

import numpy as np
from numpy.lib import format as npy

BLOCK = 1024  # rows
_HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


@dataclass(frozen=True, slots=True)
class Stored:
    """An array of an archive whose header was read; its numbers are still to come."""

    file: ZipExtFile
    shape: tuple[int, ...]
    is_fortran: bool
    dtype: np.dtype

    def blocks(self) -> Iterator[np.ndarray]:
        """Rows in their order, `BLOCK` at a time; at the end the checksum of the archive is checked.

        In Fortran's order the numbers of a row lie all over the array, which is then held whole.

        Raises:
            ValueError: the array breaks off.
            BadZipFile: its bytes are not those that were packed.
        """
        n_rows, *rest = self.shape
        whole = self._read(self.shape[::-1]).T if self.is_fortran else None
        for start in range(0, n_rows, BLOCK):
            n = min(BLOCK, n_rows - start)
            yield self._read((n, *rest)) if whole is None else whole[start : start + n]
        self.file.read(1)  # zipfile looks at the checksum when it meets the end

    def _read(self, shape: tuple[int, ...]) -> np.ndarray:
        content = self.file.read(prod(shape) * self.dtype.itemsize)
        return np.frombuffer(content, self.dtype).reshape(shape)


@contextmanager
def stored(archive: ZipFile, name: str) -> Iterator[Stored]:
    """Yield an array of an archive by its name.

    Raises:
        KeyError: there is none of this name.
        ValueError: it is no array, one of pickled objects, or not as large as its header says.
    """
    member = f"{name}.npy"
    n_bytes = archive.getinfo(member).file_size
    with cast(ZipExtFile, archive.open(member)) as file:
        version = npy.read_magic(file)
        if version not in _HEADERS:
            raise ValueError(f"{member} has a header of version {version}, expected 1.0 or 2.0")
        shape, is_fortran, dtype = _HEADERS[version](file)
        if dtype.hasobject:
            raise ValueError(f"{member} holds objects, which would have to be unpickled")
        # Before anything is read: a header that is damaged may ask for any amount of memory.
        if n_bytes != (expected := file.tell() + prod(shape) * dtype.itemsize):
            raise ValueError(f"{member} has {n_bytes} bytes, but its header announces {expected}")
        yield Stored(file, shape, is_fortran, dtype)
