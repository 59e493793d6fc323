"""Stage extract-features: clips become shards of log-mel and video features."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import torch

from audiosetzsl.blocks import Block
from audiosetzsl.clips.ledger import last_attempts, read_ledger
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import SetupError
from audiosetzsl.manifest import Segment
from audiosetzsl.shards import Kind, check_made_by, clips_of, fingerprint, read_shard, write_shard
from audiosetzsl.show import show_table
from audiosetzsl.workspace import Workspace
from extractors.features import ClipRow, VideoConfig, extract_block
from extractors.log_mel import LogMelConfig
from flows.planning import plan_workspace, segments_of
from flows.runner import Processes, Runner

KINDS = (Kind.LOG_MEL, Kind.VIDEO)
Row = dict[str, object]


def extract_features(
    workspace: Path, video: VideoConfig | None = None, runner: Runner | None = None
) -> dict[tuple[str, str], int]:
    """Extract log-mel and video features of every fetched clip; a clip that fails is a row with a reason.

    Args:
        workspace: folder with manifest.parquet and clips/; gets features/log_mel and features/video.
        video: weights, pictures and windows of the video network.
        runner: where to work; None is processes of this machine.

    Raises:
        ShardError: features of another configuration are there already.
        SetupError: the folder of clips that the ledger names is gone.
    """
    place, video = Workspace(workspace), video or VideoConfig()
    blocks = plan_workspace(place)
    sound = LogMelConfig()
    check_made_by(place.features(Kind.LOG_MEL), fingerprint(sound))
    check_made_by(place.features(Kind.VIDEO), fingerprint(video))
    work = partial(extract_shards, place, sound, video)
    stale = [block for block in blocks if _is_stale(place, block)]
    for _ in (runner or Processes()).map("extract-features", work, stale):
        pass
    counts = _counts(place, blocks)
    show_table(
        "Features", ["kind", "status or flag", "segments"], [[*key, n] for key, n in sorted(counts.items())]
    )
    return counts


def extract_shards(place: Workspace, sound: LogMelConfig, video: VideoConfig, block: Block) -> list[Path]:
    """Extract one block into a shard of each kind: a row for every segment of the block."""
    # Several processes run side by side, and the sums of several threads differ in their last bits.
    torch.set_num_threads(1)
    ledger = _fetched(place, block)
    clips = [_clip(place, segment, ledger.get(segment.segment_id)) for segment in segments_of(place, block)]
    made_by = (fingerprint(sound), fingerprint(video))
    return [
        write_shard(table, place.features(kind) / block.file_name, kind, by, digest_of(ledger, block))
        for kind, table, by in zip(KINDS, extract_block(clips, sound, video), made_by, strict=True)
    ]


def digest_of(ledger: Mapping[str, Row], block: Block) -> str:
    """Digest of the clips that a block has: another one when a clip comes, or is another."""
    clips = [
        f"{name} {ledger[name]['sha256']}"
        for name in block.segment_ids
        if name in ledger and _is_ok(ledger[name])
    ]
    return hashlib.sha256("\n".join(clips).encode()).hexdigest()[:12]


def _is_stale(place: Workspace, block: Block) -> bool:
    """Whether a shard is missing, or clips have come since it was made: fetching goes on for weeks."""
    shards = [place.features(kind) / block.file_name for kind in KINDS]
    if not all(shard.is_file() for shard in shards):
        return True
    now = digest_of(_fetched(place, block), block)
    return any(clips_of(shard) != now for shard in shards)


def _fetched(place: Workspace, block: Block) -> dict[str, Row]:
    """The attempt that counts of each segment of a block; segments that nobody asked for yet are absent.

    Raises:
        SetupError: the folder of a clip is gone.
    """
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


def _counts(place: Workspace, blocks: list[Block]) -> dict[tuple[str, str], int]:
    counts: Counter[tuple[str, str]] = Counter()
    for kind in KINDS:
        for block in blocks:
            table = read_shard(place.features(kind) / block.file_name, kind, columns=["status", "flags"])
            counts.update((str(kind), status) for status in table["status"].to_pylist())
            counts.update((str(kind), f"flag {f}") for flags in table["flags"].to_pylist() for f in flags)
    return dict(counts)
