"""Due: which segments of which blocks have to be asked for now, and when the next ones will be."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from audiosetzsl.blocks import Block
from audiosetzsl.clips.reading import read_parts, read_signs
from audiosetzsl.clips.standing import COLUMNS, NEVER_ASKED, Patience, Standing, standings
from audiosetzsl.clips.verdicts import Verdict


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
    ledger: Path,
    canaries: Path,
    now: datetime,
    patience: Patience,
    again: Collection[Verdict] = (),
) -> Agenda:
    """Judge every segment by the ledger; those that stand at a verdict of `again` are due whatever it means."""
    found = standings(read_parts(ledger, COLUMNS), read_signs(canaries), now, patience)
    due = []
    for block in blocks:
        ids = tuple(name for name in block.segment_ids if _is_due(found, name, now, again))
        if ids:
            due.append(Block(block.number, ids))
    later = (standing.due_at for standing in found.values() if standing.due_at and standing.due_at > now)
    return Agenda(due, found, min(later, default=None))


def _is_due(found: Mapping[str, Standing], name: str, now: datetime, again: Collection[Verdict]) -> bool:
    standing = found.get(name, NEVER_ASKED)
    return standing.is_due(now) or standing.verdict in again
