"""Fetched: the clips of a block, as the ledger has them, and the digest by which features are held to them."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from audiosetzsl.clips.ledger import last_attempts, read_ledger
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.workspace import Workspace

Row = dict[str, object]


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
    def there(self) -> set[str]:
        """Segments whose clip is where the ledger says."""
        return {name for name, row in self.rows.items() if is_ok(row)} - self.lost

    @property
    def digests(self) -> tuple[str, str]:
        """Digests of the clips that are there, and of all that were fetched.

        Features that were made of either are as good as they can be: clips may be deleted to make room.
        """
        return self.digest_of(without=self.lost), self.digest_of(without=frozenset())

    def digest_of(self, without: Collection[str]) -> str:
        """Digest of clips: another one when a clip comes, or is another."""
        names = [name for name, row in self.rows.items() if is_ok(row) and name not in without]
        lines = sorted(f"{name} {self.rows[name]['sha256']}" for name in names)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


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
