"""Stage embed-audio: log-mels become the sound vectors that CJME is trained on."""

from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from audiosetzsl.blocks import Block
from audiosetzsl.features import frames_of
from audiosetzsl.shards import (
    SCHEMAS,
    VECTOR_WIDTH,
    Kind,
    Status,
    clips_of,
    made_by_of,
    read_shard,
    write_shard,
)
from audiosetzsl.workspace import Workspace
from flows.planning import plan_workspace
from flows.runner import Processes, Runner
from models.audio_cnn import AudioCnn, load_audio_cnn


def embed_audio(workspace: Path, checkpoint: Path, runner: Runner | None = None) -> None:
    """Embed every log-mel with a trained audio CNN; shards of another network are made anew."""
    place = Workspace(workspace)
    folder, made_by = place.features(Kind.AUDIO), made_by_checkpoint(checkpoint)
    stale = [
        block
        for block in plan_workspace(place)
        if _is_stale(folder / block.file_name, place.features(Kind.LOG_MEL) / block.file_name, made_by)
    ]
    for _ in (runner or Processes()).map("embed-audio", partial(embed_block, place, checkpoint), stale):
        pass


def _is_stale(path: Path, heard: Path, made_by: str) -> bool:
    """Whether a shard is missing, of another network, or of other clips than the log-mels by now."""
    return not path.is_file() or made_by_of(path) != made_by or clips_of(path) != clips_of(heard)


def made_by_checkpoint(checkpoint: Path) -> str:
    """Fingerprint of the network: the end of its file's name."""
    return checkpoint.stem.rpartition("-")[2]


def embed_block(place: Workspace, checkpoint: Path, block: Block) -> Path:
    """Embed one block; a segment without sound keeps its row, its status and its reason."""
    torch.set_num_threads(1)
    net = _net(checkpoint)
    source = place.features(Kind.LOG_MEL) / block.file_name
    heard = read_shard(source, Kind.LOG_MEL)
    ok = np.array([status == Status.OK for status in heard["status"].to_pylist()])
    vectors = np.zeros((len(ok), VECTOR_WIDTH), np.float32)
    for row, frames in enumerate(frames_of(heard)):
        if ok[row]:
            vectors[row] = net.embed(frames.astype(np.float32))
    kind = SCHEMAS[Kind.AUDIO].field("vector").type
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), type=kind, mask=pa.array(~ok))
    table = heard.select(["segment_id", "status", "reason", "flags"]).append_column("vector", column)
    path = place.features(Kind.AUDIO) / block.file_name
    made_by = made_by_checkpoint(checkpoint)
    return write_shard(table.cast(SCHEMAS[Kind.AUDIO]), path, Kind.AUDIO, made_by, clips_of(source))


@lru_cache(maxsize=1)
def _net(checkpoint: Path) -> AudioCnn:
    return load_audio_cnn(checkpoint)
