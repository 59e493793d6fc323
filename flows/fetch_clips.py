"""Stage fetch-clips: every segment gets its clip from a source, or a verdict; the ledger says which."""

from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pyarrow as pa

from audiosetzsl import __version__
from audiosetzsl.blocks import Block
from audiosetzsl.clips import LEDGER, Verdict, read_ledger, write_ledger
from audiosetzsl.errors import ClipError
from audiosetzsl.files import sha256_of
from audiosetzsl.manifest import Segment, class_list_of, read_manifest
from audiosetzsl.show import show_table
from audiosetzsl.workspace import Workspace
from extractors.media import probe
from flows.clip_sources import Get, open_source
from flows.planning import due, plan_workspace, segments_of
from flows.runner import Processes, Runner


def fetch_clips(
    workspace: Path, source: str = "synthetic", block_size: int | None = None, runner: Runner | None = None
) -> dict[str, int]:
    """Fetch the clips of a workspace's manifest, block by block; finished blocks are not looked at again.

    Args:
        workspace: folder with manifest.parquet; gets clips/, and media/ where files are made.
        source: `synthetic`, or `local:FOLDER`.
        block_size: segments in a block; None is 256, or what the workspace was planned with.
        runner: where to work; None is processes of this machine.
    """
    place = Workspace(workspace)
    blocks = plan_workspace(place, block_size)
    open_source(source, place.media)  # says at once if there is no such source
    work = partial(fetch_block, place, source)
    for _ in (runner or Processes()).map("fetch-clips", work, due(blocks, place.clips)):
        pass
    counts = Counter(
        verdict
        for block in blocks
        for verdict in read_ledger(place.clips / block.file_name)["verdict"].to_pylist()
    )
    show_table("Clips", ["verdict", "segments"], sorted(counts.items()))
    return dict(counts)


def fetch_block(place: Workspace, source: str, block: Block) -> Path:
    """Fetch one block and write its part of the ledger: a row for every segment."""
    get = open_source(source, place.media)
    mids = {c.name: c.mid for c in class_list_of(read_manifest(place.manifest))}
    rows = [
        _attempt(place, get, source, segment, mids[segment.class_name])
        for segment in segments_of(place, block)
    ]
    return write_ledger(pa.Table.from_pylist(rows, schema=LEDGER), place.clips / block.file_name)


def _attempt(place: Workspace, get: Get, source: str, segment: Segment, mid: str) -> dict[str, object]:
    row: dict[str, object] = {
        "segment_id": segment.segment_id,
        "attempt": 1,
        "source": source.partition(":")[0],
        "tool": f"audiosetzsl {__version__}",
        "at": datetime.now(UTC).replace(microsecond=0),
    }
    path = get(segment, mid)
    if path is None:
        return row | {"verdict": str(Verdict.NOT_FOUND), "message": f"{source} has no clip of this name"}
    inside = path.is_relative_to(place.root)
    row |= {
        "path": str(path.relative_to(place.root) if inside else path),
        "bytes": path.stat().st_size,
        "sha256": sha256_of(path),
    }
    try:
        return row | {"verdict": str(Verdict.OK), "message": "", "duration_s": probe(path).duration_s}
    except ClipError as problem:
        return row | {"verdict": str(Verdict.UNREADABLE), "message": str(problem)}
