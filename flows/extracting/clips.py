"""Clips of a block, as the ledger has them: a path, or the reason why there is none."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from audiosetzsl.blocks import Block
from audiosetzsl.clips.fetched import Fetched, clip_path, fetched, is_ok
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import SetupError
from audiosetzsl.manifest import Segment
from audiosetzsl.workspace import Workspace
from extractors.extraction.rows import ClipRow
from flows.planning import segments_of

LOST = f"{Verdict.NOT_FOUND}: its clip is lost; fetch-clips --again ok asks for it"


def clip_rows(place: Workspace, block: Block, found: Fetched) -> list[ClipRow]:
    """A row for every segment of a block, in the block's order."""
    return [_clip(place, segment, found) for segment in segments_of(place, block)]


def why_no_clip(name: str, found: Fetched) -> str:
    """Why a segment has no clip; "" where it has one."""
    row = found.rows.get(name)
    if row is None:
        return "not asked for yet"
    if name in found.lost:
        return LOST
    return "" if is_ok(row) else f"{row['verdict']}: {row['message']}"


def without_clips(clips: Iterable[ClipRow], names: Collection[str]) -> list[ClipRow]:
    """Rows, of which some segments' are as if they had no clip: what is known of these already is kept."""
    return [
        replace(clip, path=None, reason="known already") if clip.segment_id in names else clip
        for clip in clips
    ]


def vanished(clips: Iterable[ClipRow]) -> list[ClipRow]:
    """Clips whose file was there and is not any more, as rows without one."""
    return [replace(clip, path=None, reason=LOST) for clip in clips if clip.path and not clip.path.is_file()]


def refuse_absent_media(place: Workspace, blocks: Iterable[Block]) -> None:
    """Refuse to begin where the ledger has clips and none of them is there: a disk that is away, as a rule.

    Raises:
        SetupError: that is so.
        ShardError: a part of the ledger is damaged.
    """
    n_lost, example = 0, None
    for block in blocks:
        found = fetched(place, block.file_name)
        if found.there:
            return
        n_lost += len(found.lost)
        example = example or next((clip_path(place, found.rows[name]) for name in sorted(found.lost)), None)
    if example:
        raise SetupError(
            f"the ledger has {n_lost} clips, such as {example}, and none of them is there; bring their disk or "
            "folder back, or fetch them anew with `python -m flows fetch-clips --again ok`"
        )


def _clip(place: Workspace, segment: Segment, found: Fetched) -> ClipRow:
    name = segment.segment_id
    reason = why_no_clip(name, found)
    path = None if reason else clip_path(place, found.rows[name])
    return ClipRow(name, path, reason, segment.duration_s)
