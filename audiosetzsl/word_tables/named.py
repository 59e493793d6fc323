"""Class vectors: one row a class, where each comes from, and the Parquet file that holds them."""

from collections.abc import Mapping
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
    """Write class vectors of any width, with their recipe, whole or not at all."""
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
        ShardError: the file is absent or damaged, or has another schema.
    """
    table = read_parquet(path, error=ShardError)
    with damage_told(path, ShardError):
        found = table.schema.field("vector").type if "vector" in table.schema.names else pa.null()
        width = found.list_size if pa.types.is_fixed_size_list(found) else None
        check_schema(table, text_schema(*([width] if width else [])), path, error=ShardError)
    return table["class_name"].to_pylist(), vectors_of(table)
