"""Stage extract-features: clips become shards of log-mel and video features."""

from collections import Counter
from functools import partial
from pathlib import Path

import torch

from audiosetzsl.blocks import Block
from audiosetzsl.clips import Verdict, read_ledger
from audiosetzsl.shards import Kind, check_made_by, fingerprint, read_shard, write_shard
from audiosetzsl.show import show_table
from audiosetzsl.workspace import Workspace
from extractors.features import ClipRow, VideoConfig, extract_block
from extractors.log_mel import LogMelConfig
from flows.planning import due, plan_workspace, segments_of
from flows.runner import Processes, Runner

KINDS = (Kind.LOG_MEL, Kind.VIDEO)


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
    """
    place, video = Workspace(workspace), video or VideoConfig()
    blocks = plan_workspace(place)
    sound = LogMelConfig()
    check_made_by(place.features(Kind.LOG_MEL), fingerprint(sound))
    check_made_by(place.features(Kind.VIDEO), fingerprint(video))
    folders = [place.features(kind) for kind in KINDS]
    work = partial(extract_shards, place, sound, video)
    for _ in (runner or Processes()).map("extract-features", work, due(blocks, *folders)):
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
    ledger = {row["segment_id"]: row for row in read_ledger(place.clips / block.file_name).to_pylist()}
    clips = []
    for segment in segments_of(place, block):
        fetched = ledger[segment.segment_id]
        found = fetched["verdict"] == Verdict.OK
        path = place.root / fetched["path"] if found else None
        reason = "" if found else f"{fetched['verdict']}: {fetched['message']}"
        clips.append(ClipRow(segment.segment_id, path, reason, segment.duration_s))
    made_by = (fingerprint(sound), fingerprint(video))
    return [
        write_shard(table, place.features(kind) / block.file_name, kind, by)
        for kind, table, by in zip(KINDS, extract_block(clips, sound, video), made_by, strict=True)
    ]


def _counts(place: Workspace, blocks: list[Block]) -> dict[tuple[str, str], int]:
    counts: Counter[tuple[str, str]] = Counter()
    for kind in KINDS:
        for block in blocks:
            table = read_shard(place.features(kind) / block.file_name, kind, columns=["status", "flags"])
            counts.update((str(kind), status) for status in table["status"].to_pylist())
            counts.update((str(kind), f"flag {f}") for flags in table["flags"].to_pylist() for f in flags)
    return dict(counts)
