"""Class vectors: one row a class, where each comes from, and the Parquet file that holds them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float32

from audiosetzsl.errors import ShardError
from audiosetzsl.files import check_schema, damage_told, read_parquet, write_table
from audiosetzsl.shards import Recipe, text_schema, vectors_of

RECIPE = "class vectors"


@dataclass(frozen=True, slots=True)
class NamedVectors:
    """Vectors of some names, in their order."""

    names: tuple[str, ...]
    matrix: Float32[np.ndarray, "n_names width"]
    wording: tuple[str, ...]  # for each name, the words that its vector was made of
    source: Mapping[str, object]  # the file or model that they were looked up in, and how

    @property
    def recipe(self) -> Recipe:
        """What made the vectors: goes into the file."""
        return Recipe(RECIPE, {**self.source, "wording": dict(zip(self.names, self.wording, strict=True))})


def write_class_vectors(vectors: NamedVectors, path: Path) -> Path:
    """Write class vectors of any width, with their recipe, whole or not at all.

    Raises:
        ShardError: a name stands twice, or a vector is not finite; nothing is written.
    """
    _check(vectors.names, vectors.matrix, path)
    schema = text_schema(vectors.matrix.shape[1])
    column = pa.FixedSizeListArray.from_arrays(
        pa.array(vectors.matrix.ravel()), type=schema.field("vector").type
    )
    table = pa.Table.from_arrays([pa.array(vectors.names, pa.string()), column], schema=schema)
    noted = {"recipe": vectors.recipe.as_json(), "fingerprint": vectors.recipe.fingerprint}
    return write_table(table.replace_schema_metadata(noted), path, schema, error=ShardError)


def read_class_vectors(path: Path) -> tuple[list[str], Float32[np.ndarray, "n_classes width"]]:
    """Names and vectors of a file that make-class-vectors wrote; page checksums and schema are checked.

    Raises:
        ShardError: the file is absent or damaged, has another schema, names a class twice, or holds a vector that
            is not finite.
    """
    table = read_parquet(path, error=ShardError)
    with damage_told(path, ShardError):
        found = table.schema.field("vector").type if "vector" in table.schema.names else pa.null()
        width = found.list_size if pa.types.is_fixed_size_list(found) else None
        check_schema(table, text_schema(*([width] if width else [])), path, error=ShardError)
    names, matrix = table["class_name"].to_pylist(), vectors_of(table)
    _check(names, matrix, path)
    return names, matrix


def _check(names: Sequence[str], matrix: Float32[np.ndarray, "n_names width"], path: Path) -> None:
    if twice := [name for name, n in Counter(names).items() if n > 1]:
        raise ShardError(f"{path} has {', '.join(twice)} more than once; expected one vector a class")
    if wrong := [name for name, vector in zip(names, matrix, strict=True) if not np.isfinite(vector).all()]:
        raise ShardError(
            f"{path}: the vectors of {', '.join(wrong)} hold numbers that are not finite; make them again"
        )
