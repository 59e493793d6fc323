"""Fetched: the clips of a block, as the ledger has them, and the digests by which features are held to them."""

from dataclasses import dataclass
from pathlib import Path

from audiosetzsl.clips.ledger import last_attempts, read_ledger
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.workspace import Workspace

Row = dict[str, object]
DIGITS = 16  # of a clip's SHA-256: enough to tell the clips of one segment apart


@dataclass(frozen=True, slots=True)
class Fetched:
    """The attempt that counts of each segment of a block; segments that nobody asked for yet are absent."""

    rows: dict[str, Row]
    lost: frozenset[str]  # segments whose clip was fetched and is not there any more

    @property
    def is_known(self) -> bool:
        """Whether the ledger says anything of the block."""
        return bool(self.rows)

    @property
    def there(self) -> dict[str, str]:
        """Digest of each clip that is where the ledger says, by segment: another one when the clip is another."""
        return {
            name: str(row["sha256"])[:DIGITS]
            for name, row in self.rows.items()
            if is_ok(row) and name not in self.lost
        }


def fetched(place: Workspace, file_name: str) -> Fetched:
    """What the ledger says of the block of a file name, and which of its clips are not where it says.

    Raises:
        ShardError: that part of the ledger is damaged.
    """
    part = place.clips / file_name
    if not part.is_file():
        return Fetched({}, frozenset())  # fetching has not come so far
    columns = ["segment_id", "verdict", "message", "path", "sha256"]
    rows = {str(row["segment_id"]): row for row in last_attempts(read_ledger(part, columns))}
    lost = [name for name, row in rows.items() if is_ok(row) and not clip_path(place, row).is_file()]
    return Fetched(rows, frozenset(lost))


def clip_path(place: Workspace, row: Row) -> Path:
    """Where a row of the ledger says that the clip is."""
    return place.root / str(row["path"])


def is_ok(row: Row) -> bool:
    """Whether a row of the ledger is of a clip."""
    return row["verdict"] == Verdict.OK
