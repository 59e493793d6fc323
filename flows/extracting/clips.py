"""Clips of a block, as the ledger has them: a path, or the reason why there is none."""

from audiosetzsl.blocks import Block
from audiosetzsl.clips.fetched import Fetched, clip_path, is_ok
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import SetupError
from audiosetzsl.manifest import Segment
from audiosetzsl.workspace import Workspace
from extractors.extraction.rows import ClipRow
from flows.planning import segments_of

LOST = "its clip is lost; fetch-clips --again ok asks for it"


def clip_rows(place: Workspace, block: Block, found: Fetched) -> list[ClipRow]:
    """A row for every segment of a block, in the block's order.

    Raises:
        SetupError: the folder of a clip is gone.
    """
    for name in found.lost:
        path = clip_path(place, found.rows[name])
        if not path.parent.is_dir():
            raise SetupError(
                f"the ledger has a clip at {path}, and that folder does not exist; bring it back, or fetch anew "
                "with `python -m flows fetch-clips --again ok`, which asks for lost clips only"
            )
    return [_clip(place, segment, found) for segment in segments_of(place, block)]


def why_no_clip(name: str, found: Fetched) -> str:
    """Why a segment has no clip; "" where it has one."""
    row = found.rows.get(name)
    if row is None:
        return "not asked for yet"
    if name in found.lost:
        return f"{Verdict.NOT_FOUND}: {LOST}"
    return "" if is_ok(row) else f"{row['verdict']}: {row['message']}"


def _clip(place: Workspace, segment: Segment, found: Fetched) -> ClipRow:
    name = segment.segment_id
    reason = why_no_clip(name, found)
    path = None if reason else clip_path(place, found.rows[name])
    return ClipRow(name, path, reason, segment.duration_s)
