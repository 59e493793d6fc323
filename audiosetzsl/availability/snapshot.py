"""Snapshot: attempts at the segments of a ledger become one observation of each video that was asked for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.availability.layer import AVAILABILITY, OWN, RANK, add_observations, in_order
from audiosetzsl.clips.standing import COLUMNS, Attempt, Life, Patience, Standing, standings

# Columns of the ledger that a snapshot is made of.
SNAPSHOT_COLUMNS = (*COLUMNS, "tool")


def snapshot(
    attempts: pa.Table, canaries: pa.Table, now: datetime, patience: Patience | None = None
) -> pa.Table:
    """Say of each video that was asked for whether it is alive, closed or gone, or that this is not known yet.

    Where nobody was asked (a folder, a rendered clip) nothing is said. Of several segments of a video the
    latest answer counts. `attempts` holds SNAPSHOT_COLUMNS; the rows are those of AVAILABILITY.
    """
    asked = attempts.filter(pc.is_valid(attempts["egress"]))
    tried = _by_segment(asked)
    by_video: dict[str, list[dict[str, Any]]] = {}
    for segment_id, standing in standings(asked, canaries, now, patience).items():
        row = _observation(segment_id, standing, tried[segment_id])
        by_video.setdefault(ytid_of(segment_id), []).append(row)
    rows = [_latest(of_video) for of_video in by_video.values()]
    return in_order(pa.Table.from_pylist(rows, AVAILABILITY))


def record_check(
    path: Path, attempts: pa.Table, canaries: pa.Table, now: datetime, patience: Patience | None = None
) -> pa.Table:
    """Write the snapshot of a check, done or not, into a file of observations, and return it.

    While a check goes on, what it said before may turn out otherwise: an answer gets its witness, or a canary
    that failed voids it. So all that the file says by the same attempts is replaced. Videos that were not asked
    for yet get no row, and a check that asked for none leaves the file as it is.
    """
    rows = snapshot(attempts, canaries, now, patience)
    if not len(attempts):
        return rows
    ytids = [ytid_of(segment_id) for segment_id in attempts["segment_id"].to_pylist()]
    add_observations(path, rows, now, instead_of=set(zip(ytids, attempts["at"].to_pylist(), strict=True)))
    return rows


def ytid_of(segment_id: str) -> str:
    """The video of a segment."""
    return segment_id.rpartition("_")[0]


def _by_segment(attempts: pa.Table) -> dict[str, dict[Attempt, str]]:
    """The attempts at each segment, each with the tool that made it."""
    found: dict[str, dict[Attempt, str]] = {}
    columns = [attempts[name].to_pylist() for name in SNAPSHOT_COLUMNS]
    for segment_id, *attempt, tool in zip(*columns, strict=True):
        found.setdefault(segment_id, {})[Attempt(*attempt)] = tool
    return found


def _observation(segment_id: str, standing: Standing, tried: Mapping[Attempt, str]) -> dict[str, Any]:
    """What one segment says of its video: by the attempt that tells, or by the last if none does."""
    told = standing.told or max(tried, key=lambda attempt: attempt.at)
    return {
        "ytid": ytid_of(segment_id),
        "status": str(standing.life),
        "reason": told.verdict,
        "checked_at": told.at,
        "n_attempts": standing.n_attempts,
        "source": OWN,
        "tool": tried[told],
    }


def _latest(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The latest row that says something, or else the latest; of one moment, the one that is more alive."""
    best = max(rows, key=lambda row: (row["status"] != Life.UNKNOWN, row["checked_at"], RANK[row["status"]]))
    return best | {"n_attempts": sum(row["n_attempts"] for row in rows)}
