"""Clips of a block, as the ledger has them: a path, or the reason why there is none."""

import hashlib
from collections.abc import Mapping

from audiosetzsl.blocks import Block
from audiosetzsl.clips.ledger import last_attempts, read_ledger
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import SetupError
from audiosetzsl.manifest import Segment
from audiosetzsl.workspace import Workspace
from extractors.extraction.rows import ClipRow
from flows.planning import segments_of

Row = dict[str, object]


def clip_rows(place: Workspace, block: Block) -> tuple[list[ClipRow], str]:
    """A row for every segment of a block, in the block's order, and the digest of their clips.

    Raises:
        SetupError: the folder of a clip is gone.
    """
    ledger = _fetched(place, block)
    rows = [_clip(place, segment, ledger.get(segment.segment_id)) for segment in segments_of(place, block)]
    return rows, _digest(ledger, block)


def digest_of(place: Workspace, block: Block) -> str:
    """Digest of the clips that a block has: another one when a clip comes, or is another.

    Raises:
        SetupError: the folder of a clip is gone.
    """
    return _digest(_fetched(place, block), block)


def _digest(ledger: Mapping[str, Row], block: Block) -> str:
    clips = [
        f"{name} {ledger[name]['sha256']}"
        for name in block.segment_ids
        if name in ledger and _is_ok(ledger[name])
    ]
    return hashlib.sha256("\n".join(clips).encode()).hexdigest()[:12]


def _fetched(place: Workspace, block: Block) -> dict[str, Row]:
    """The attempt that counts of each segment of a block; segments that nobody asked for yet are absent."""
    part = place.clips / block.file_name
    if not part.is_file():
        return {}  # fetching has not come so far
    rows = last_attempts(read_ledger(part, ["segment_id", "verdict", "message", "path", "sha256"]))
    return {str(row["segment_id"]): _as_it_is(place, row) for row in rows}


def _as_it_is(place: Workspace, row: Row) -> Row:
    """A row of the ledger; one whose clip is lost says so."""
    if not _is_ok(row):
        return row
    path = place.root / str(row["path"])
    if path.is_file():
        return row
    if not path.parent.is_dir():
        raise SetupError(
            f"the ledger has a clip at {path}, and that folder does not exist; bring it back, or fetch anew with "
            "`python -m flows fetch-clips --again ok`, which asks for lost clips only"
        )
    message = "its clip is lost; fetch-clips --again ok asks for it"
    return {**row, "verdict": str(Verdict.NOT_FOUND), "message": message}


def _is_ok(row: Row) -> bool:
    return row["verdict"] == Verdict.OK


def _clip(place: Workspace, segment: Segment, row: Row | None) -> ClipRow:
    if row is None:
        return ClipRow(segment.segment_id, None, "not asked for yet", segment.duration_s)
    path = place.root / str(row["path"]) if _is_ok(row) else None
    reason = "" if path else f"{row['verdict']}: {row['message']}"
    return ClipRow(segment.segment_id, path, reason, segment.duration_s)
