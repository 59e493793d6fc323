"""Score files: segments x classes, always higher is better, whatever model they come from."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.evaluation.protocol import Scores
from audiosetzsl.evaluation.training_set import ClassTable
from audiosetzsl.files import read_table, write_table
from audiosetzsl.shards import Recipe

SCHEMA = pa.schema(
    [
        pa.field("segment_id", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("class_name", pa.string(), nullable=False),  # the truth
        pa.field(
            "scores", pa.list_(pa.float32()), nullable=False
        ),  # in the order of the classes in the metadata
    ]
)
_CLASSES = b"classes"


def write_scores(
    path: Path, rows: pd.DataFrame, values: np.ndarray, classes: ClassTable, recipe: Recipe
) -> Path:
    """Write scores [n_clips, n_classes] of manifest rows, with the class order and what made them in the metadata.

    `audiosetzsl.shards.recipe_of` reads the recipe back.

    Raises:
        SetupError: the scores are not clips x classes.
    """
    expected = (len(rows), len(classes.names))
    if values.shape != expected:
        raise SetupError(f"scores are {values.shape}, expected {expected}: clips x classes")
    flat = pa.array(np.ascontiguousarray(values, np.float32).ravel())
    offsets = pa.array(np.arange(len(rows) + 1, dtype=np.int32) * len(classes.names))
    columns = [pa.array(rows[name].tolist(), pa.string()) for name in SCHEMA.names[:3]]
    table = pa.Table.from_arrays([*columns, pa.ListArray.from_arrays(offsets, flat)], schema=SCHEMA)
    order = json.dumps({"names": classes.names, "seen": classes.seen})
    noted = {_CLASSES: order, "recipe": recipe.as_json(), "fingerprint": recipe.fingerprint}
    return write_table(table.replace_schema_metadata(noted), path, SCHEMA)


def read_scores(path: Path, *, split: str) -> Scores:
    """Read the scores of one split.

    Raises:
        ShardError: the file is absent, damaged or does not say its classes, or rows are of another width, of a class
            that is not scored, or not finite; of these the message names the first segment.
        SetupError: the disk does not give the file.
    """
    table = read_table(path, SCHEMA, error=ShardError)
    classes = _classes_of(table, path)
    frame = table.to_pandas()
    frame = frame[frame.split == split]
    widths = set(frame.scores.map(len))
    if widths - {len(classes.names)}:
        raise ShardError(
            f"{path}: rows hold {sorted(widths)} scores, expected {len(classes.names)}, one a class"
        )
    values = np.stack(frame.scores.tolist()) if len(frame) else np.zeros((0, len(classes.names)), np.float32)
    _check_rows(frame, values, classes, path)
    return Scores(values, classes.indices_of(frame.class_name.tolist()), classes, split)


def _check_rows(frame: pd.DataFrame, values: np.ndarray, classes: ClassTable, path: Path) -> None:
    strange = frame[~frame.class_name.isin(classes.names)]
    if len(strange):
        raise ShardError(
            f"{path}: {len(strange)} of {len(frame)} segments are of classes that it does not score, the first is "
            f"{strange.segment_id.iloc[0]} of {strange.class_name.iloc[0]}; delete it and score again"
        )
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise ShardError(
            f"{path}: the scores of {len(bad)} of {len(frame)} segments are not finite, the first is "
            f"{frame.segment_id.iloc[bad[0]]}; check the model, then delete the file and score again"
        )


def _classes_of(table: pa.Table, path: Path) -> ClassTable:
    try:
        order = json.loads((table.schema.metadata or {}).get(_CLASSES, b"{}"))
        return ClassTable(tuple(order["names"]), tuple(order["seen"]))
    except (ValueError, KeyError, TypeError, SetupError) as problem:
        raise ShardError(
            f"{path} does not say which classes it scores ({problem!r}); delete it and score again"
        ) from problem
