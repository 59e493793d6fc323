"""HDF5 file: the clips of one class, `data` and `video_urls`; read in bulk and without following links."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import faulty_rows
from audiosetzsl.feature_sets.extras import exchange

DATA, IDS = "data", "video_urls"
ID_BYTES = 80  # as the authors have them; longer where an id is
_PACKED = 1100  # no filter of HDF5 makes a byte out of less: what announces more is damaged, or a trap


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Yield an HDF5 file to read.

    Raises:
        SetupError: it is absent, or none, or damaged.
    """
    h5py = exchange("h5py")
    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, MemoryError) as problem:
        raise SetupError(
            f"{path} cannot be read as HDF5 ({problem}); it is absent, damaged or something else: fetch it again"
        ) from problem


def read_ids(file: Any, path: Path) -> np.ndarray:
    """Ids of the clips of a file, as text: bytes of a fixed length or text of any.

    Raises:
        SetupError: there are none, they are no text, or one stands twice.
    """
    found = _dataset(file, IDS, path, 1)
    kind = found.dtype.kind
    if kind == "O":
        rows = [row.decode() if isinstance(row, bytes) else row for row in found[:].tolist()]
        if not all(isinstance(row, str) for row in rows):
            raise SetupError(f"{path}: {IDS} holds {found.dtype} that is no text; expected ids of clips")
        ids = np.array(rows, dtype=np.str_)
    elif kind == "S":
        ids = np.char.decode(found[:], "utf-8")
    else:
        raise SetupError(f"{path}: {IDS} is {found.dtype}, expected bytes or text")
    if not len(ids):
        raise SetupError(f"{path} holds no clips; delete it, or fetch it again")
    if (ids == "").any():
        raise SetupError(f"{path}: clip {int(np.flatnonzero(ids == '')[0])} has an empty id; expected text")
    ordered = np.sort(ids)
    if len(twice := np.flatnonzero(ordered[1:] == ordered[:-1])):
        raise SetupError(f"{path} holds {ordered[twice[0]]} more than once; expected each clip once")
    return ids


def shape_of(file: Any, path: Path, n_clips: int) -> tuple[int, np.dtype]:
    """Width and type of the features of a file.

    Raises:
        SetupError: there are none, or not a row of real numbers for each of `n_clips` ids.
    """
    found = _dataset(file, DATA, path, 2)
    if found.dtype.kind != "f":
        raise SetupError(f"{path}: {DATA} is {found.dtype}, expected real numbers")
    if len(found) != n_clips:
        raise SetupError(
            f"{path}: {DATA} has {len(found)} rows for {n_clips} ids in {IDS}; expected one each"
        )
    return found.shape[1], found.dtype


def read_rows(path: Path, ids: np.ndarray, rows: Float[np.ndarray, "n width"]) -> None:
    """Read the features of a file into rows that are there for it.

    Raises:
        SetupError: it is damaged, or some are not finite or too large.
    """
    with opened(path) as file:
        _dataset(file, DATA, path, 2).read_direct(rows)
    bad, what = faulty_rows(rows)
    if len(bad):
        raise SetupError(
            f"{path}: the features of {len(bad)} of {len(rows)} clips are {what}, the first is {ids[bad[0]]}; "
            "extract these clips again or leave them out"
        )


def write_class_file(path: Path, ids: np.ndarray, rows: Float[np.ndarray, "n width"]) -> None:
    """Write the clips of a class, ids as bytes as the authors have them."""
    h5py = exchange("h5py")
    as_bytes = np.char.encode(ids, "utf-8")
    with h5py.File(path, "w") as file:
        file.create_dataset(DATA, data=rows)
        file.create_dataset(IDS, data=as_bytes.astype(f"S{max(ID_BYTES, as_bytes.dtype.itemsize)}"))


def sorting(ids: np.ndarray) -> Int[np.ndarray, " n"]:
    """Places of the ids in the order of the alphabet."""
    return np.argsort(ids, kind="stable")


def _dataset(file: Any, name: str, path: Path, n_axes: int) -> Any:
    """A dataset that lies in this very file.

    Raises:
        SetupError: there is none, or it leads to another file, has other axes, or announces what is not there.
    """
    h5py = exchange("h5py")
    link = file.get(name, getlink=True)
    if link is None:
        raise SetupError(
            f"{path} has no dataset {name!r}, only {', '.join(file) or 'nothing'}; expected {DATA}, {IDS}"
        )
    if not isinstance(link, h5py.HardLink):
        raise SetupError(f"{path}: {name!r} is a link, and links are not followed; expected a dataset")
    found = file[name]
    if not isinstance(found, h5py.Dataset) or found.external or found.is_virtual:
        raise SetupError(f"{path}: {name!r} is no dataset with its numbers in this file; copy them into it")
    if found.ndim != n_axes:
        raise SetupError(f"{path}: {name!r} has shape {found.shape}, expected {n_axes} axes")
    if found.size * found.dtype.itemsize > _PACKED * path.stat().st_size:
        raise SetupError(
            f"{path}: {name!r} announces {found.shape}, far more than the file holds; fetch it again"
        )
    return found
