"""Tables as .npz: an array of names and one of vectors; it is loaded whole once."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from audiosetzsl.errors import SetupError
from audiosetzsl.files import NPZ_DAMAGE
from audiosetzsl.word_tables.opening import checked
from audiosetzsl.word_tables.table import WordTable

TOLD = 3  # names of a table in a message


def read_npz(path: Path, wanted: Collection[str]) -> WordTable:
    """Read the entries that are wanted from `names` (n) and `vectors` (n x width); pickles stay unread.

    Raises:
        SetupError: the file is damaged, lacks an array, its arrays do not fit each other, or a name stands twice.
    """
    expected = (
        f"{path}: expected an .npz with the arrays names (n texts) and vectors (n x width floats), no pickles"
    )
    try:
        # Opened here: NumPy leaves a file open that turns out to be none.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            names, vectors = arrays["names"], arrays["vectors"]
    except NPZ_DAMAGE as problem:
        raise SetupError(f"{expected}; it cannot be read ({problem})") from problem
    if names.ndim != 1 or vectors.ndim != 2 or len(names) != len(vectors):
        raise SetupError(f"{expected}; they are {names.shape} and {vectors.shape}")
    if names.dtype.kind != "U" or vectors.dtype.kind != "f":
        raise SetupError(f"{expected}; they are {names.dtype} and {vectors.dtype}")
    row_of = {name: row for row, name in enumerate(names.tolist())}
    if len(row_of) < len(names):
        raise SetupError(f"{expected}; a name stands twice in it")
    found = {
        name: checked(vectors[row], f"{path}, row {row} ({name})")
        for name, row in row_of.items()
        if name in wanted
    }
    return WordTable(found, of_names=True, remark=names_told(len(row_of), list(row_of)))


def names_told(n_names: int, names: Sequence[str]) -> str:
    """How many names a table holds, and the first of them."""
    return f"it holds {n_names} names: {', '.join(names[:TOLD])}{', ...' if n_names > TOLD else ''}"
