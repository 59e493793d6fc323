"""Stage make-class-vectors: a vector of words for every class of a workspace."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from audiosetzsl.errors import SetupError
from audiosetzsl.files import write_table
from audiosetzsl.manifest import class_list_of, read_manifest
from audiosetzsl.shards import TEXT_SCHEMA, TEXT_WIDTH
from audiosetzsl.workspace import Workspace
from extractors.words.class_vectors import load_ontology_vectors, read_npz_vectors, vectors_for


def make_class_vectors(workspace: Path, vectors: Path | None = None) -> Path:
    """Give every class of the manifest its vector.

    Args:
        workspace: folder with manifest.parquet; gets features/text.
        vectors: .npz with `names` and `vectors`; None takes the ones made of AudioSet's own descriptions.

    Raises:
        SetupError: a class has no vector, or the vectors have another width than 300.
    """
    place = Workspace(workspace)
    classes = class_list_of(read_manifest(place.manifest))
    if vectors is None:
        matrix = vectors_for([c.mid for c in classes], load_ontology_vectors())
    else:
        matrix = vectors_for(classes.names, read_npz_vectors(vectors))
    if matrix.shape[1] != TEXT_WIDTH:
        raise SetupError(f"{vectors}: class vectors are {matrix.shape[1]} wide, expected {TEXT_WIDTH}")
    column = pa.FixedSizeListArray.from_arrays(
        pa.array(matrix.astype(np.float32).ravel()), type=TEXT_SCHEMA.field("vector").type
    )
    table = pa.Table.from_arrays([pa.array(classes.names, pa.string()), column], schema=TEXT_SCHEMA)
    return write_table(table, place.text, TEXT_SCHEMA)
