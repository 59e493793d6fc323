"""Due: which segments of which blocks have to be asked for now, and when the next ones will be."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from audiosetzsl.blocks import Block
from audiosetzsl.clips.ledger import CLIP_COLUMNS, clip_rows
from audiosetzsl.clips.reading import read_parts, read_signs
from audiosetzsl.clips.standing import COLUMNS, NEVER_ASKED, Patience, Standing, standings
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Agenda:
    """What is to be done now, where every segment stands, and when to look again; None if never."""

    blocks: list[Block]
    standing: dict[str, Standing]
    next_at: datetime | None

    @property
    def n_due(self) -> int:
        """Segments that are due now."""
        return sum(len(block.segment_ids) for block in self.blocks)


def agenda(
    blocks: Sequence[Block],
    place: Workspace,
    ledger: Path,
    now: datetime,
    patience: Patience,
    source: str,
    again: Collection[Verdict] = (),
) -> Agenda:
    """Judge every segment by what `source` answered so far.

    Those that stand at a verdict of `again` are due whatever it means; for `ok`, those whose clip is lost.
    """
    found = standings(read_parts(ledger, COLUMNS), read_signs(place.canaries), now, patience, source)
    lost = _lost(ledger, place.root) if Verdict.OK in again else frozenset()
    due = []
    for block in blocks:
        ids = tuple(name for name in block.segment_ids if _is_due(found, name, now, again, lost))
        if ids:
            due.append(Block(block.number, ids))
    later = (standing.due_at for standing in found.values() if standing.due_at and standing.due_at > now)
    return Agenda(due, found, min(later, default=None))


def _is_due(
    found: Mapping[str, Standing],
    name: str,
    now: datetime,
    again: Collection[Verdict],
    lost: Collection[str],
) -> bool:
    standing = found.get(name, NEVER_ASKED)
    if standing.verdict is Verdict.OK:
        return name in lost
    return standing.is_due(now) or standing.verdict in again


def _lost(ledger: Path, root: Path) -> frozenset[str]:
    """Segments whose clip is not where the ledger says."""
    clips = clip_rows(read_parts(ledger, CLIP_COLUMNS))
    rows = zip(clips["segment_id"].to_pylist(), clips["path"].to_pylist(), strict=True)
    return frozenset(name for name, path in rows if not (root / path).is_file())
