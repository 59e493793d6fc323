"""Class vectors that need no download: AudioSet's names and descriptions, by TF-IDF and SVD."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Float32, Float64

from audiosetzsl.errors import SetupError
from audiosetzsl.files import read_table, write_table

WIDTH = 300
# Times that each text is counted. Without the ancestors' names the vectors of most classes are orthogonal,
# and say nothing of classes never seen.
NAME_WEIGHT = 3
ANCESTOR_WEIGHT = 2

ONTOLOGY_VECTORS = Path(__file__).parent / "data" / "ontology_vectors.parquet"
SCHEMA = pa.schema(
    [
        pa.field("mid", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("vector", pa.list_(pa.float16(), WIDTH), nullable=False),
    ]
)
METADATA = {
    "attribution": "AudioSet ontology, CC BY-SA 4.0, Google",
    "licence": "CC BY-SA 4.0",
    "made_by": "extractors.words.class_vectors.write_ontology_vectors",
}


def ontology_vectors(
    records: Sequence[Mapping[str, Any]],
) -> tuple[list[str], list[str], Float32[np.ndarray, "n_classes width"]]:
    """Mids, names and unit vectors of an ontology's classes, from its own words and nothing else.

    Latent semantic analysis: TF-IDF of each class's name, description and ancestors' names, projected on
    the leading 300 directions. The same records give the same vectors.

    Raises:
        SetupError: there are fewer classes than directions.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer  # slow to import, and seldom needed

    if len(records) < WIDTH:
        raise SetupError(f"the ontology holds {len(records)} classes, expected at least {WIDTH}")
    above = _ancestors(records)
    texts = [
        " ".join([r["name"]] * NAME_WEIGHT + [r["description"]] + above[r["id"]] * ANCESTOR_WEIGHT)
        for r in records
    ]
    counts = TfidfVectorizer(stop_words="english", sublinear_tf=True).fit_transform(texts)
    left, strengths, _ = np.linalg.svd(counts.toarray(), full_matrices=False)
    vectors = _signed(left[:, :WIDTH]) * strengths[:WIDTH]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [r["id"] for r in records], [r["name"] for r in records], vectors.astype(np.float32)


def write_ontology_vectors(ontology: Path, path: Path = ONTOLOGY_VECTORS) -> Path:
    """Make the committed vectors from AudioSet's `ontology.json`."""
    mids, names, vectors = ontology_vectors(json.loads(ontology.read_text()))
    column = pa.FixedSizeListArray.from_arrays(
        pa.array(vectors.astype(np.float16).ravel()), type=SCHEMA.field("vector").type
    )
    table = pa.Table.from_arrays([pa.array(mids), pa.array(names), column], schema=SCHEMA)
    return write_table(table.replace_schema_metadata(METADATA), path, SCHEMA, use_dictionary=False)


def load_ontology_vectors(path: Path = ONTOLOGY_VECTORS) -> dict[str, Float32[np.ndarray, "300"]]:
    """Vectors of all AudioSet classes by mid, as they are committed.

    Raises:
        SetupError: the file is absent, damaged or of another schema.
    """
    table = read_table(path, SCHEMA, error=SetupError)
    flat = table["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    vectors = flat.reshape(-1, WIDTH).astype(np.float32)
    return dict(zip(table["mid"].to_pylist(), vectors, strict=True))


def load_ontology_labels(path: Path = ONTOLOGY_VECTORS) -> dict[str, str]:
    """AudioSet's names of all classes by mid.

    Raises:
        SetupError: the file is absent, damaged or of another schema.
    """
    table = read_table(path, SCHEMA, error=SetupError)
    return dict(zip(table["mid"].to_pylist(), table["name"].to_pylist(), strict=True))


def vectors_for(
    keys: Iterable[str], vectors: Mapping[str, Float32[np.ndarray, " width"]]
) -> Float32[np.ndarray, "n_classes width"]:
    """One row a class, in the order of `keys`, its mids.

    Raises:
        SetupError: classes without a vector, all of them named.
    """
    wanted = list(keys)
    missing = [key for key in wanted if key not in vectors]
    if missing:
        known = ", ".join(list(vectors)[:3])
        raise SetupError(
            f"there is no vector for {', '.join(missing)}; there are {len(vectors)}: {known}, ..."
        )
    return np.stack([vectors[key] for key in wanted])


def _ancestors(records: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Names of all classes above each class, each once; a class may have several parents."""
    names = {r["id"]: r["name"] for r in records}
    parents: dict[str, list[str]] = {mid: [] for mid in names}
    for record in records:
        for child in record["child_ids"]:
            parents[child].append(record["id"])

    def above(mid: str) -> dict[str, None]:
        found: dict[str, None] = {}  # a set that keeps its order
        for parent in parents[mid]:
            found |= {parent: None} | above(parent)
        return found

    return {mid: [names[a] for a in above(mid)] for mid in names}


def _signed(directions: Float64[np.ndarray, "n k"]) -> Float64[np.ndarray, "n k"]:
    """Turn each column so that its largest entry is positive: a decomposition leaves the sign open."""
    largest = np.abs(directions).argmax(axis=0)
    turned: np.ndarray = directions * np.sign(directions[largest, np.arange(directions.shape[1])])
    return turned
