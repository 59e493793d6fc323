"""Pickles: dictionaries of class vectors that NumPy pickled, read without letting a pickle run anything."""

import io
import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy.lib import format as npy

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets.pickle_reader import MAX_BYTES, PickledArray, PickleReader

_DAMAGE = (
    *(OSError, EOFError, ValueError, TypeError, KeyError, IndexError, AttributeError),
    *(pickle.UnpicklingError, MemoryError, OverflowError, RecursionError, UnicodeError),
)


def read_vectors(path: Path) -> dict[str, Float[np.ndarray, " width"]]:
    """Vectors by name of an .npy that holds one pickled dictionary, as the authors and AVCA-GZSL have them.

    Raises:
        SetupError: the file is absent, damaged, holds anything but a dictionary of vectors of one width, or asks
            for more than arrays (then nothing of it has run).
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError(f"it has {path.stat().st_size} bytes, expected at most {MAX_BYTES}")
        content = path.read_bytes()
        file = io.BytesIO(content)
        version = npy.read_magic(file)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(file)
        if shape != () or not dtype.hasobject:
            raise ValueError(f"it is an array {shape} of {dtype}, not one dictionary")
        found = PickleReader(left=len(content)).load(file)
        # NumPy pickles the array that holds the dictionary.
        found = found.held if isinstance(found, PickledArray) else found
    except _DAMAGE as problem:
        raise SetupError(
            f"{path} cannot be read as a pickled dictionary of class vectors ({problem}); fetch it again, or take it "
            "from whoever you trust"
        ) from problem
    if isinstance(found, dict):
        found = {
            name: vector.held if isinstance(vector, PickledArray) else vector
            for name, vector in found.items()
        }
    return _checked(found, path)


def write_vectors(vectors: Mapping[str, Float[np.ndarray, " width"]], path: Path) -> Path:
    """Write vectors by name as NumPy 1 pickled a dictionary: what the programs of others load, old and new."""
    held = np.empty((), object)
    held[()] = {name: np.array(vector) for name, vector in vectors.items()}
    # Protocol 3 ends names by a line break; NumPy 1 knows no `_core`, NumPy 2 still knows `core`.
    content = pickle.dumps(held, protocol=3).replace(
        b"cnumpy._core.multiarray\n_reconstruct\n", b"cnumpy.core.multiarray\n_reconstruct\n"
    )
    with path.open("wb") as file:
        npy.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": ()})
        file.write(content)
    return path


def _checked(found: object, path: Path) -> dict[str, Float[np.ndarray, " width"]]:
    if not isinstance(found, dict) or not found:
        raise SetupError(f"{path} holds {type(found).__name__}, expected a dictionary of vectors by class")
    for name, vector in found.items():
        if not isinstance(name, str) or not isinstance(vector, np.ndarray) or vector.dtype.kind != "f":
            raise SetupError(f"{path}: the entry of {name!r} is no vector of real numbers under a name")
        if vector.ndim != 1 or vector.shape != next(iter(found.values())).shape:
            raise SetupError(
                f"{path}: the vector of {name} is {vector.shape}, others are not; expected one width"
            )
        if not np.isfinite(vector).all():
            raise SetupError(f"{path}: the vector of {name} is not finite; make it again")
    return found
