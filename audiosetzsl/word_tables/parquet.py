"""Tables as Parquet: a column of names and one of vectors, read a batch of rows at a time."""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from audiosetzsl.errors import SetupError
from audiosetzsl.files import damage_told
from audiosetzsl.word_tables.arrays import TOLD, names_told
from audiosetzsl.word_tables.opening import checked
from audiosetzsl.word_tables.table import WordTable

NAMES = ("name", "class_name")  # the second, so that the class vectors of one workspace serve another
BATCH = 1024  # rows
BUFFER = (
    1 << 20
)  # bytes of a column at a time; without it, or with pre_buffer, whole row groups are in memory


def read_parquet_table(path: Path, wanted: Collection[str]) -> WordTable:
    """Read the entries that are wanted from the columns `name` (or `class_name`) and `vector`.

    Raises:
        SetupError: the file is damaged or has other columns, a vector that is wanted is null, not finite or of
            another width than the one before, or its name stands twice.
    """
    found: dict[str, np.ndarray] = {}
    n_rows, told = 0, list[str]()
    streamed = {"pre_buffer": False, "buffer_size": BUFFER, "page_checksum_verification": True}
    with damage_told(path, SetupError), pq.ParquetFile(path, **streamed) as file:
        column = _name_column(file.schema_arrow, path)
        for batch in file.iter_batches(BATCH, columns=[column, "vector"], use_threads=False):
            names, vectors = batch.column(column).to_pylist(), batch.column("vector")
            for row, name in enumerate(names):
                if name in wanted:
                    _add(found, name, vectors[row].as_py(), f"{path}, row {n_rows + row} ({name})")
            n_rows += len(names)
            told = told or names[:TOLD]
    return WordTable(found, of_names=True, remark=names_told(n_rows, [str(name) for name in told]))


def _name_column(schema: pa.Schema, path: Path) -> str:
    """The column that holds the names, once it is known that a list of floats stands beside it."""
    types = {field.name: field.type for field in schema}
    vector = types.get("vector", pa.null())
    is_lists = (
        pa.types.is_list(vector) or pa.types.is_large_list(vector) or pa.types.is_fixed_size_list(vector)
    )
    if is_lists and pa.types.is_floating(vector.value_type):
        for column in NAMES:
            if types.get(column) in (pa.string(), pa.large_string()):
                return column
    raise SetupError(
        f"{path}: columns are {', '.join(f'{name} {kind}' for name, kind in types.items())}, expected name or "
        "class_name (text) and vector (a list of floats)"
    )


def _add(found: dict[str, np.ndarray], name: str, numbers: list[float | None] | None, where: str) -> None:
    """Add a vector to those found."""
    if name in found:
        raise SetupError(f"{where}: the name stands twice; take out one")
    if numbers is None or None in numbers:
        raise SetupError(f"{where}: the vector is null, or part of it; make the table again")
    vector = checked(np.array(numbers, np.float64), where)
    width = len(next(iter(found.values()), vector))
    if len(vector) != width:
        raise SetupError(f"{where}: {len(vector)} numbers, expected {width} as before; make the table again")
    found[name] = vector
