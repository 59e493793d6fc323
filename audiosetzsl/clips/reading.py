"""Reading ledgers while others write them: a part may come, go or change between two looks."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from audiosetzsl.clips.ledger import LEDGER, read_ledger
from audiosetzsl.clips.signs import CANARIES
from audiosetzsl.errors import ShardError
from audiosetzsl.files import read_table

LOOKS = 5  # a part that is replaced while it is read looks damaged, and is whole at the next look


def read_parts(folder: Path, columns: Sequence[str]) -> pa.Table:
    """Some columns of every attempt below a folder of ledgers, as they are now; none is no error.

    Raises:
        ShardError: a part is damaged, and stays so.
    """
    wanted = pa.schema([LEDGER.field(name) for name in columns])
    paths = sorted(folder.glob("part-*.parquet"))
    return _joined(paths, wanted, lambda path: read_ledger(path, list(columns)))


def read_signs(folder: Path) -> pa.Table:
    """Canaries of every egress of a workspace, as they are now; none is no error.

    Raises:
        ShardError: a file is damaged, and stays so.
    """
    paths = sorted(folder.glob("*.parquet"))
    return _joined(paths, CANARIES, lambda path: read_table(path, CANARIES, error=ShardError))


def _joined(paths: Sequence[Path], schema: pa.Schema, read: Callable[[Path], pa.Table]) -> pa.Table:
    parts = [part for path in paths if (part := _look(path, read)) is not None]
    return pa.concat_tables([schema.empty_table(), *(part.replace_schema_metadata() for part in parts)])


def _look(path: Path, read: Callable[[Path], pa.Table]) -> pa.Table | None:
    """Read a file that others may replace meanwhile; None if it has vanished."""
    for look in range(1, LOOKS + 1):
        try:
            return read(path)
        except ShardError:
            if not path.exists():
                return None
            if look == LOOKS:
                raise
    return None
