"""Current: was a shard made of the clips that its block has by now?"""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.clips.fetched import Fetched
from audiosetzsl.shards.io import clips_of, read_shard
from audiosetzsl.shards.schema import Kind, Status

# Stands for the digest of the clips where a shard is to be made again though its clips are the same.
AGAIN = "again"


def is_current(path: Path, kind: Kind, found: Fetched) -> bool:
    """Whether a shard was made of the clips of its block.

    Clips that were lost since take nothing from it, and where the ledger says nothing of the block it is as good as
    it can be: features outlive their clips, and the ledger.

    Raises:
        ShardError: the shard is damaged.
    """
    noted = clips_of(path)
    if not found.is_known or noted in found.digests:
        return True
    if not found.lost or noted == AGAIN:
        return False
    # Of the clips that are lost, those whose features were kept count as if they were there.
    rows = read_shard(path, kind, columns=["segment_id", "status"])
    with_feature = set(rows.filter(pc.equal(rows["status"], Status.OK.value))["segment_id"].to_pylist())
    return noted == found.digest_of(without=found.lost - with_feature)


def why_stale(rows: pa.Table, noted: str, found: Fetched) -> str:
    """What has changed since a shard of these rows, made of clips of the digest `noted`, was current."""
    if noted == AGAIN:
        return "a repair that was broken off wants it made again"
    without_clip = rows.filter(pc.equal(rows["status"], Status.NO_CLIP.value))["segment_id"].to_pylist()
    come = len(found.there & set(without_clip))
    return f"{come} clips have come since" if come else "its clips have changed since"
