"""A workspace that has been listened to: log-mel shards of tones, written without any media."""

import numpy as np
import pyarrow as pa

from audiosetzsl.manifest import load_manifest
from audiosetzsl.shards import Kind, Recipe, Status, log_mel_column, schema_of, write_shard
from audiosetzsl.workspace import Workspace
from flows.planning import plan_workspace

FRAMES = 140


def tone_of(segment_id, class_name, split, n_mels=64):
    """Noise with a loud band by class; no two segments alike."""
    generator = np.random.default_rng(list(segment_id.encode()))
    frames = generator.normal(-3, 0.5, size=(FRAMES + len(split), n_mels)).astype(np.float32)
    frames[:, sum(class_name.encode()) % n_mels] += 4
    return frames


def write_log_mels(
    root,
    log_mel_of=tone_of,
    without=(),
    block_size=10,
    recipe=None,
    n_mels=64,
    of_clips="clips",
    reason="broken",
):
    """Shards of all blocks; segments in `without` could not be read, for a reason."""
    place = Workspace(root)
    rows = load_manifest(place.manifest).set_index("segment_id")
    recipe = recipe or Recipe("LogMelConfig", {"n_mels": n_mels})
    for block in plan_workspace(place, block_size):
        frames = [
            None if name in without else log_mel_of(name, rows.class_name[name], rows.split[name])
            for name in block.segment_ids
        ]
        lost = [x is None for x in frames]
        columns = [
            block.segment_ids,
            [str(Status.UNREADABLE if gone else Status.OK) for gone in lost],
            [reason if gone else "" for gone in lost],
            [[] for _ in lost],
            [0.0 if gone else 1.5 for gone in lost],
            [0 if x is None else len(x) for x in frames],
        ]
        schema = schema_of(Kind.LOG_MEL, n_mels)
        arrays = [pa.array(values, schema.field(i).type) for i, values in enumerate(columns)]
        table = pa.Table.from_arrays([*arrays, log_mel_column(frames, n_mels)], schema=schema)
        made_of = dict.fromkeys(block.segment_ids, of_clips)
        write_shard(table, place.features(Kind.LOG_MEL) / block.file_name, Kind.LOG_MEL, recipe, made_of)
    return place
