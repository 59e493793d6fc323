"""MAT file: variables of a MATLAB file up to version 7, read by name; no code in it is run."""

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets.extras import exchange

MAX_BYTES = (1 << 31) - 1  # of a variable; MATLAB 7 counts no further


def read_mat(path: Path, needed: Sequence[str], optional: Sequence[str] = ()) -> dict[str, np.ndarray]:
    """Some variables of a file, those of `optional` where they are there; no others are looked at.

    Raises:
        SetupError: the file is absent, damaged or of version 7.3, or lacks a variable.
    """
    loadmat = exchange("scipy.io").loadmat
    try:
        with path.open("rb") as file:
            found = loadmat(file, variable_names=[*needed, *optional])
    except NotImplementedError as problem:  # what scipy raises for 7.3, which is HDF5
        raise SetupError(f"{path} is of MATLAB 7.3; save it again there with `-v7`") from problem
    # scipy says what is wrong with a file in many ways; MatReadError is a plain Exception.
    except (
        OSError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        MemoryError,
        zlib.error,
        _mat_error(),
    ) as problem:
        raise SetupError(
            f"{path} cannot be read as a .mat file ({problem}); it is absent or damaged: fetch it again"
        ) from problem
    if missing := [name for name in needed if name not in found]:
        raise SetupError(f"{path} has no variable {', '.join(missing)}; expected {', '.join(needed)}")
    return {name: found[name] for name in (*needed, *optional) if name in found}


def write_mat(path: Path, variables: Mapping[str, np.ndarray]) -> None:
    """Write variables as MATLAB 5 to 7 read them; vectors stand as columns."""
    exchange("scipy.io").savemat(path, dict(variables), appendmat=False, oned_as="column")


def whole_numbers(variable: np.ndarray, name: str, path: Path, most: int) -> Int[np.ndarray, " n"]:
    """Numbers from 1 to `most`, as MATLAB counts, counted from 0.

    Raises:
        SetupError: the variable holds something else.
    """
    flat = variable.ravel()
    if flat.dtype.kind not in "iuf" or (flat.size and (flat != np.floor(flat)).any()):
        raise SetupError(f"{path}: {name} holds {flat.dtype}, expected whole numbers from 1")
    if flat.size and not 1 <= flat.min() <= flat.max() <= most:
        raise SetupError(
            f"{path}: {name} runs from {flat.min()} to {flat.max()}, expected numbers from 1 to {most}"
        )
    return flat.astype(np.int64) - 1


def real_matrix(variable: np.ndarray, name: str, path: Path) -> Float[np.ndarray, "n_rows n_columns"]:
    """A matrix of real numbers in the byte order of this machine.

    Raises:
        SetupError: the variable is none.
    """
    if variable.ndim != 2 or variable.dtype.kind != "f":
        raise SetupError(
            f"{path}: {name} is {variable.dtype} {variable.shape}, expected a matrix of real numbers"
        )
    return variable.astype(variable.dtype.newbyteorder("="), copy=False)


def texts(variable: np.ndarray, name: str, path: Path) -> list[str]:
    """Texts of a cell array.

    Raises:
        SetupError: a cell holds something else.
    """
    cells = variable.ravel().tolist()
    if variable.dtype.kind != "O" or not all(
        isinstance(c, np.ndarray) and c.dtype.kind == "U" for c in cells
    ):
        raise SetupError(
            f"{path}: {name} is {variable.dtype} {variable.shape}, expected a cell array of texts"
        )
    return ["".join(cell.ravel().tolist()) for cell in cells]


def as_cells(values: Sequence[str]) -> np.ndarray:
    """A cell array of texts, as a column."""
    cells = np.empty((len(values), 1), object)
    cells[:, 0] = list(values)
    return cells


def _mat_error() -> type[Exception]:
    error: type[Exception] = exchange("scipy.io.matlab").MatReadError
    return error
