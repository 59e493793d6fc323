"""One shard: written whole with its recipe, read back with every check, or an error that says what to do."""

import json
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from audiosetzsl.errors import ShardError
from audiosetzsl.files import check_schema, damage_told, read_parquet, write_table
from audiosetzsl.shards.recipe import Recipe
from audiosetzsl.shards.rows import check_rows
from audiosetzsl.shards.schema import FEATURES, Kind, Status, schema_of, width_of

RECIPE = b"recipe"
FINGERPRINT = b"fingerprint"
CLIPS = b"clips"
# Whoever reads log-mels row group by row group holds 4 MB of them at a time.
LOG_MEL_ROWS = 32
# Dictionaries only where values repeat: on floats they double the time and save nothing.
_REPEATED = ["status", "reason", "flags.list.element"]
_LOG_MELS = "log_mel.list.element.list.element"
# Vectors are read whole, again and again: BYTE_STREAM_SPLIT and zstd would save 17 % of 640 MB, and cost 30 to 40 %
# more CPU to write and 10 to 35 % more to read, as benchmarks/vector_shards.py measures it.
_VECTORS = {"use_dictionary": _REPEATED, "compression": "none"}
LAYOUT: Mapping[Kind, Mapping[str, object]] = {
    Kind.LOG_MEL: {
        "use_dictionary": _REPEATED,
        "use_byte_stream_split": [_LOG_MELS],
        "compression_level": 1,
        "row_group_size": LOG_MEL_ROWS,
    },
    Kind.VIDEO: _VECTORS,
    Kind.AUDIO: _VECTORS,
}


def write_shard(
    table: pa.Table, path: Path, kind: Kind, recipe: Recipe, of_clips: Mapping[str, str] | None = None
) -> Path:
    """Write one block's features, whole or not at all.

    Args:
        table: columns of `schema_of(kind, width)`, whatever the width.
        path: where to.
        kind: what it holds.
        recipe: what made the features.
        of_clips: digest of the clip that a row was made of, by segment: where the clip is another by now, the block
            is made again. None where nobody knows.

    Raises:
        ShardError: the table breaks the schema or the contract of its rows.
    """
    schema = schema_of(kind, width_of(table.schema, kind))
    check_schema(table, schema, path, error=ShardError)
    check_rows(table, kind, path)
    clips = json.dumps(dict(of_clips or {}), sort_keys=True)
    noted = {RECIPE: recipe.as_json(), FINGERPRINT: recipe.fingerprint, CLIPS: clips}
    table = table.replace_schema_metadata({name: text.encode() for name, text in noted.items()})
    return write_table(table, path, schema, error=ShardError, **LAYOUT[kind])


def read_shard(
    path: Path, kind: Kind, *, made_by: str | None = None, columns: list[str] | None = None
) -> pa.Table:
    """Read one block's features, or some columns of them; page checksums, schema and rows are checked.

    Raises:
        ShardError: the file is absent, damaged, of another schema or rows, or made by another recipe than the one
            of fingerprint `made_by` (None takes any).
    """
    table = read_parquet(path, error=ShardError, columns=columns)
    _check(table, path, kind, columns)
    if made_by is not None:
        _refuse_other(path, _recipe(table.schema, path).fingerprint, made_by)
    return table


def read_groups(
    path: Path, kind: Kind, wanted: Container[str], *, made_by: str | None = None
) -> Iterator[pa.Table]:
    """Yield the rows of wanted segments that hold a feature, one row group in memory at a time.

    Columns are segment_id, status and the feature, checked as by `read_shard`; the feature of a row group without a
    wanted row is not decoded.

    Raises:
        ShardError: as `read_shard`.
    """
    if not path.is_file():
        raise ShardError(f"{path} does not exist; make it first or check the path")
    head, feature = ["segment_id", "status"], [FEATURES[kind]]
    with damage_told(path, ShardError), pq.ParquetFile(path, page_checksum_verification=True) as file:
        if made_by is not None:
            _refuse_other(path, _recipe(file.schema_arrow, path).fingerprint, made_by)
        if absent := [name for name in head + feature if name not in file.schema_arrow.names]:
            raise ShardError(f"{path} has no column {absent[0]!r}; delete it and make it again")
        n_rows = 0
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, head, use_threads=False)
            _check(rows, path, kind, head)
            n_rows += len(rows)
            chosen = [name in wanted for name in rows["segment_id"].to_pylist()]
            keep = pc.and_(pa.chunked_array([chosen]), pc.equal(rows["status"], Status.OK.value))
            if pc.any(keep).as_py():
                rows = rows.append_column(
                    file.schema_arrow.field(feature[0]),
                    file.read_row_group(group, feature, use_threads=False)[0],
                )
                _check(rows, path, kind, head + feature)
                yield rows.filter(keep)
        if n_rows != file.metadata.num_rows:
            raise ShardError(
                f"{path} is damaged (it holds {n_rows} of {file.metadata.num_rows} rows); make it again"
            )


def recipe_of(path: Path) -> Recipe:
    """What made a shard; only the end of the file is read.

    Raises:
        ShardError: the file is damaged, or does not say.
    """
    return _recipe(schema_at(path), path)


def made_by_of(path: Path) -> str:
    """Fingerprint of the recipe that made a shard; only the end of the file is read."""
    return recipe_of(path).fingerprint


def clips_of(path: Path) -> dict[str, str]:
    """Digest of the clip that each row was made of, by segment; only the end of the file is read.

    Rows that were made of no clip, or of one that nobody knows, are absent.
    """
    return clips_noted(schema_at(path))


def clips_noted(schema: pa.Schema) -> dict[str, str]:
    """The same, of the schema of a shard's file."""
    try:
        noted = json.loads((schema.metadata or {}).get(CLIPS, b"{}"))
    except ValueError:  # older shards have one digest of all their clips there
        return {}
    return {name: str(digest) for name, digest in noted.items()} if isinstance(noted, dict) else {}


def check_made_by(folder: Path, made_by: str) -> None:
    """Hold the shards of a folder, which may be empty, to one recipe, given by its fingerprint.

    Raises:
        ShardError: one of them is of another.
    """
    for path in sorted(folder.glob("part-*.parquet")):
        _refuse_other(path, made_by_of(path), made_by)


def width_at(path: Path, kind: Kind) -> int:
    """Width of a shard's frames or vectors; only the end of the file is read."""
    schema = schema_at(path)
    width = width_of(schema, kind)
    if width is None:
        raise ShardError(f"{path}: columns are {schema.names}, expected {schema_of(kind).names}")
    return width


def _check(table: pa.Table, path: Path, kind: Kind, columns: list[str] | None) -> None:
    with damage_told(path, ShardError):
        schema = schema_of(kind, width_of(table.schema, kind))
        expected = schema if columns is None else pa.schema([schema.field(name) for name in columns])
        check_schema(table, expected, path, error=ShardError)
    check_rows(table, kind, path)


def schema_at(path: Path) -> pa.Schema:
    """Columns of a shard, and what it notes of itself; only the end of the file is read.

    Raises:
        ShardError: the file is absent or damaged.
    """
    with damage_told(path, ShardError):
        return pq.read_schema(path)


def _recipe(schema: pa.Schema, path: Path) -> Recipe:
    """The recipe that a shard notes, if it is the one that the fingerprint beside it was made of."""
    noted: dict[bytes, bytes] = schema.metadata or {}
    if RECIPE not in noted:
        raise ShardError(f"{path} does not say what made it; delete it and make it again")
    try:
        recipe = Recipe.from_json(noted[RECIPE].decode())
    except ValueError as problem:
        raise ShardError(f"{path} is damaged ({problem}); delete it and make it again") from problem
    if recipe.fingerprint.encode() != noted.get(FINGERPRINT):
        raise ShardError(
            f"{path} is damaged (its recipe and its fingerprint differ); delete it and make it again"
        )
    return recipe


def _refuse_other(path: Path, found: str, expected: str) -> None:
    if found != expected:
        raise ShardError(
            f"{path} was made by configuration {found}, expected {expected}; "
            "delete the folder to extract again, or ask for the configuration that made it"
        )
