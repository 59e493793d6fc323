"""Clips of a block, as the ledger has them: a path, or the reason why there is none."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from audiosetzsl.blocks import Block
from audiosetzsl.clips.ledger import last_attempts, read_ledger
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import SetupError
from audiosetzsl.manifest import Segment
from audiosetzsl.workspace import Workspace
from extractors.extraction.rows import ClipRow
from flows.planning import segments_of

Row = dict[str, object]
LOST = "its clip is lost; fetch-clips --again ok asks for it"


@dataclass(frozen=True, slots=True)
class Fetched:
    """The attempt that counts of each segment of a block; segments that nobody asked for yet are absent."""

    rows: dict[str, Row]
    lost: frozenset[str]  # segments whose clip was fetched and is not there any more

    @property
    def digests(self) -> tuple[str, str]:
        """Digests of the clips that are there, and of all that were fetched.

        Features that were made of either are as good as they can be: clips may be deleted to make room.
        """
        return self.digest_of(without=self.lost), self.digest_of(without=frozenset())

    def digest_of(self, without: Collection[str]) -> str:
        """Digest of clips: another one when a clip comes, or is another."""
        names = [name for name, row in self.rows.items() if _is_ok(row) and name not in without]
        lines = sorted(f"{name} {self.rows[name]['sha256']}" for name in names)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def fetched(place: Workspace, block: Block) -> Fetched:
    """What the ledger says of a block, and which of its clips are not where it says."""
    part = place.clips / block.file_name
    if not part.is_file():
        return Fetched({}, frozenset())  # fetching has not come so far
    columns = ["segment_id", "verdict", "message", "path", "sha256"]
    rows = {str(row["segment_id"]): row for row in last_attempts(read_ledger(part, columns))}
    lost = [name for name, row in rows.items() if _is_ok(row) and not _path(place, row).is_file()]
    return Fetched(rows, frozenset(lost))


def clip_rows(place: Workspace, block: Block, found: Fetched) -> list[ClipRow]:
    """A row for every segment of a block, in the block's order.

    Raises:
        SetupError: the folder of a clip is gone.
    """
    for name in found.lost:
        path = _path(place, found.rows[name])
        if not path.parent.is_dir():
            raise SetupError(
                f"the ledger has a clip at {path}, and that folder does not exist; bring it back, or fetch anew "
                "with `python -m flows fetch-clips --again ok`, which asks for lost clips only"
            )
    return [_clip(place, segment, found) for segment in segments_of(place, block)]


def _clip(place: Workspace, segment: Segment, found: Fetched) -> ClipRow:
    name, length_s = segment.segment_id, segment.duration_s
    row = found.rows.get(name)
    if row is None:
        return ClipRow(name, None, "not asked for yet", length_s)
    if name in found.lost:
        return ClipRow(name, None, f"{Verdict.NOT_FOUND}: {LOST}", length_s)
    if not _is_ok(row):
        return ClipRow(name, None, f"{row['verdict']}: {row['message']}", length_s)
    return ClipRow(name, _path(place, row), "", length_s)


def _path(place: Workspace, row: Row) -> Path:
    return place.root / str(row["path"])


def _is_ok(row: Row) -> bool:
    return row["verdict"] == Verdict.OK
