"""Shards of a few rows that a test makes up, and workspaces that hold them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pyarrow as pa
from small_manifests import manifest_of

from audiosetzsl.blocks import Block
from audiosetzsl.clips.ledger import LEDGER, write_ledger
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.manifest import write_manifest
from audiosetzsl.shards import Kind, Recipe, schema_of, write_shard
from audiosetzsl.workspace import Workspace
from flows.planning import plan_workspace

RECIPE = Recipe("Some", {"code": 1, "weights": "random:0"})
OTHER = Recipe("Some", {"code": 2, "weights": "random:0"})
CLASSES = [("dog", True), ("cat", True), ("pig", False)]
SPLITS = ["train", "val", "test"]


def number_of(segment_id: str) -> int:
    """Number of a segment of `planned`."""
    return int(segment_id[:11])


def class_of(number: int) -> tuple[str, bool]:
    """Class of a segment of `planned`, and whether it is seen."""
    return CLASSES[number % 3]


def split_of(number: int) -> str:
    """Split of a segment of `planned`."""
    return SPLITS[number // 3 % 3]


def shard_of(
    kind: Kind, features: Sequence[np.ndarray | None], *, width: int | None = None, **columns: list[object]
) -> pa.Table:
    """Table of one row a feature (None for a row without one); `columns` stand for what is made up here."""
    n = len(features)
    lengths = [0 if f is None else len(f) if kind is Kind.LOG_MEL else 250 for f in features]
    made_up = {
        "segment_id": [f"{number:011}_0" for number in range(n)],
        "status": ["no_clip" if f is None else "ok" for f in features],
        "reason": ["video is private" if f is None else "" for f in features],
        "flags": [["short", "silent"][: number % 3] for number in range(n)],
        "duration_s": [n_frames / 100 for n_frames in lengths],
        "n_frames": lengths,
        "n_windows": [0 if f is None else 4 for f in features],
        "log_mel": [f if f is None else list(f) for f in features],
        "vector": features,
    }
    schema = schema_of(kind, width)
    arrays = [pa.array((made_up | columns)[field.name], field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def feature_of(kind: Kind, number: int, width: int = 8) -> np.ndarray:
    """What was found in a segment: no two alike, in whatever kind; log-mels differ in length too."""
    rng = np.random.default_rng([number, list(Kind).index(kind)])
    if kind is Kind.LOG_MEL:
        return rng.normal(size=(1 + number % 4, width)).astype(np.float16)
    return rng.normal(size=width).astype(np.float32)


def planned(root: Path, n: int = 36, block_size: int = 9) -> tuple[Workspace, list[Block]]:
    """A workspace with a manifest of `n` segments and a plan, as the factory leaves them, and its blocks."""
    place = Workspace(root)
    videos = [(f"{k:011}", *class_of(k), split_of(k)) for k in range(n)]
    write_manifest(manifest_of(videos), place.manifest, {})
    return place, plan_workspace(place, block_size)


def fill(
    place: Workspace,
    kind: Kind,
    blocks: Sequence[Block],
    *,
    without: Sequence[int] = (),
    recipe: Recipe = RECIPE,
    width: int = 8,
    of_clips: str | Mapping[str, str] = MappingProxyType({}),
) -> list[Path]:
    """Write the shards of some blocks; the segments whose numbers are in `without` have no feature.

    `of_clips` has the digest of the clip of each segment, or is that of all of them.
    """
    paths = []
    for block in blocks:
        numbers = [number_of(name) for name in block.segment_ids]
        features = [None if k in without else feature_of(kind, k, width) for k in numbers]
        table = shard_of(kind, features, width=width, segment_id=list(block.segment_ids))
        made_of = dict.fromkeys(block.segment_ids, of_clips) if isinstance(of_clips, str) else of_clips
        paths.append(write_shard(table, place.features(kind) / block.file_name, kind, recipe, made_of))
    return paths


def ledger_of(place: Workspace, block: Block, sha256: Mapping[str, str], lost: Collection[str] = ()) -> None:
    """Write a block's ledger: segments of `sha256` have a clip, and a file unless it was lost; others are private."""
    rows = [
        {
            "segment_id": name,
            "attempt": 1,
            "verdict": str(Verdict.OK if name in sha256 else Verdict.PRIVATE),
            "message": "" if name in sha256 else "video is private",
            "path": f"media/{name}.mp4" if name in sha256 else None,
            "sha256": sha256.get(name),
            "took_s": 1.0,
            "flags": [],
            "source": "local",
            "tool": "made up",
            "at": datetime.fromisoformat("2026-11-01T00:00:00+00:00"),
        }
        for name in block.segment_ids
    ]
    write_ledger(pa.Table.from_pylist(rows, schema=LEDGER), place.clips / block.file_name)
    place.media.mkdir(exist_ok=True)
    for name in sha256:
        clip = place.media / f"{name}.mp4"
        clip.unlink(missing_ok=True) if name in lost else clip.write_bytes(b"")
