"""Tables as .npz: an array of names and one of vectors, read a block of rows at a time."""

import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from audiosetzsl.errors import SetupError
from audiosetzsl.files import NPZ_DAMAGE
from audiosetzsl.word_tables.npy import Stored, stored
from audiosetzsl.word_tables.opening import checked
from audiosetzsl.word_tables.table import WordTable

TOLD = 3  # names of a table in a message


def read_npz(path: Path, wanted: Collection[str]) -> WordTable:
    """Read the entries that are wanted from `names` (n) and `vectors` (n x width); pickles stay unread.

    Only a block of rows is in memory, compressed or not; vectors in Fortran's order are held whole.

    Raises:
        SetupError: the file is damaged, lacks an array, its arrays do not fit each other, or a name that is wanted
            stands twice.
    """
    expected = (
        f"{path}: expected an .npz with the arrays names (n texts) and vectors (n x width floats), no pickles"
    )
    try:
        with (
            zipfile.ZipFile(path) as archive,
            stored(archive, "names") as names,
            stored(archive, "vectors") as vectors,
        ):
            _check(names, vectors, expected)
            return _read(names, vectors, wanted, path)
    except NPZ_DAMAGE as problem:
        raise SetupError(f"{expected}; it cannot be read ({problem})") from problem


def names_told(n_names: int, names: Sequence[str]) -> str:
    """How many names a table holds, and the first of them."""
    return f"it holds {n_names} names: {', '.join(names[:TOLD])}{', ...' if n_names > TOLD else ''}"


def _check(names: Stored, vectors: Stored, expected: str) -> None:
    if len(names.shape) != 1 or len(vectors.shape) != 2 or names.shape[0] != vectors.shape[0]:
        raise SetupError(f"{expected}; they are {names.shape} and {vectors.shape}")
    if names.dtype.kind != "U" or vectors.dtype.kind != "f":
        raise SetupError(f"{expected}; they are {names.dtype} and {vectors.dtype}")


def _read(names: Stored, vectors: Stored, wanted: Collection[str], path: Path) -> WordTable:
    """Go through both arrays side by side."""
    found: dict[str, np.ndarray] = {}
    n_rows, told = 0, list[str]()
    for some, matrix in zip(names.blocks(), vectors.blocks(), strict=True):
        texts = some.tolist()
        for row, name in enumerate(texts):
            if name in wanted:
                where = f"{path}, row {n_rows + row} ({name})"
                if name in found:
                    raise SetupError(f"{where}: the name stands twice; take out one")
                found[name] = checked(matrix[row], where)
        n_rows += len(texts)
        told = told or texts[:TOLD]
    return WordTable(found, of_names=True, remark=names_told(n_rows, told))
