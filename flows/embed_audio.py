"""Stage embed-audio: log-mels become the sound vectors that CJME is trained on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from audiosetzsl.blocks import Block
from audiosetzsl.classes import ClassList
from audiosetzsl.errors import ShardError
from audiosetzsl.features.parts import parts_of
from audiosetzsl.files import sha256_of
from audiosetzsl.manifest import class_list_of, read_manifest
from audiosetzsl.shards import (
    Kind,
    Recipe,
    Status,
    clips_of,
    frames_of,
    made_by_of,
    read_shard,
    schema_of,
    vector_column,
    write_shard,
)
from audiosetzsl.show import say
from audiosetzsl.workspace import Workspace
from audiosetzsl.zero_shot import TAUGHT, is_told, refuse_unseen
from flows.extracting.devices import claim, devices_of
from flows.extracting.tally import FOLDER
from flows.planning import plan_workspace
from flows.runner import Processes, Runner
from models.audio_cnn import WIDTH, AudioCnn, open_audio_cnn
from models.audio_cnn.files import SUFFIX

CODE = 1  # raised by whoever changes what the same network makes of the same log-mels
HEAD = ["segment_id", "status", "reason", "flags", "duration_s"]


@dataclass(frozen=True, slots=True)
class Embedding:
    """What a worker needs to know: where, with which network, of which log-mels, on which devices."""

    place: Workspace
    checkpoint: Path
    recipe: Recipe
    n_mels: int
    log_mels_made_by: str
    devices: tuple[str, ...]


def embed_audio(workspace: Path, checkpoint: Path, runner: Runner | None = None, device: str = "cpu") -> None:
    """Embed every log-mel with a trained audio CNN; shards of another network, or of other clips, are made anew.

    Args:
        workspace: folder with features/log_mel; gets features/audio.
        checkpoint: of train-audio-cnn (.safetensors), or weights named as in the original release.
        runner: where to work; None is processes of this machine.
        device: cpu, cuda (all GPUs) or some of them.

    Raises:
        SetupError: the network cannot be read, hears another number of bands, or has learnt an unseen class.
        ShardError: some block has no log-mels yet.
    """
    place, devices = Workspace(workspace), devices_of(device)
    parts, blocks = parts_of(place, Kind.LOG_MEL), plan_workspace(place)
    missing = [b.file_name for b in blocks if not (parts.folder / b.file_name).is_file()]
    if missing:
        raise ShardError(
            f"{len(missing)} of {len(blocks)} blocks have no log-mels, the first is {missing[0]}; "
            "run `python -m flows extract-features` first"
        )
    net = open_audio_cnn(checkpoint, parts.width)  # an error now is better than one in each process
    # Weights of elsewhere have a number of outputs, and no names for them.
    taught = list(net.class_names) if checkpoint.suffix.lower() == SUFFIX else None
    _check_zero_shot(taught, checkpoint, class_list_of(read_manifest(place.manifest)))
    facts = {"checkpoint": sha256_of(checkpoint), "log_mel": parts.made_by, "code": CODE, TAUGHT: taught}
    recipe = Recipe("AudioCnn", facts)
    embedding = Embedding(place, checkpoint, recipe, parts.width, parts.made_by, devices)
    stale = [block for block in blocks if _is_stale(place, block, recipe.fingerprint)]
    work, workers = partial(embed_block, embedding), None if devices == ("cpu",) else len(devices)
    for _ in (runner or Processes()).map("embed-audio", work, stale, None, workers):
        pass


def _check_zero_shot(taught: list[str] | None, checkpoint: Path, classes: ClassList) -> None:
    """Refuse a network that was taught a class that this workspace holds to be unseen.

    Weights of elsewhere do not say by name what they have learnt: that is said, and up to the user.
    """
    refuse_unseen(str(checkpoint), taught, [c.name for c in classes if not c.seen])
    if not is_told(taught, classes.names):
        say(
            f"{checkpoint} does not say which of these classes it has learnt; see that none of them is unseen here"
        )


def _is_stale(place: Workspace, block: Block, made_by: str) -> bool:
    """Whether a shard is missing, of another network, or of other log-mels than there are by now."""
    path, heard = (place.features(kind) / block.file_name for kind in (Kind.AUDIO, Kind.LOG_MEL))
    if not path.is_file() or made_by_of(path) != made_by or clips_of(path) != clips_of(heard):
        return True
    # What failed once may have been made good since, of the very same clips.
    ours, theirs = (read_shard(p, k, columns=HEAD) for p, k in ((path, Kind.AUDIO), (heard, Kind.LOG_MEL)))
    return not ours.equals(theirs)


def embed_block(embedding: Embedding, block: Block) -> Path:
    """Embed one block; a segment without sound keeps its row, its status and its reason."""
    place = embedding.place
    path, source = (place.features(kind) / block.file_name for kind in (Kind.AUDIO, Kind.LOG_MEL))
    # Read first: of log-mels that are replaced meanwhile the vectors then count as stale, and are made anew.
    clips = clips_of(source)
    heard = read_shard(source, Kind.LOG_MEL, made_by=embedding.log_mels_made_by)
    column = _known(path, embedding.recipe.fingerprint, clips, heard)
    if column is None:
        torch.set_num_threads(1)  # several processes run side by side
        net = _net(embedding.checkpoint, embedding.n_mels, claim(embedding.devices, place.root / FOLDER))
        column = vector_column(list(_vectors(net, heard)), WIDTH)
    table = heard.select(HEAD).append_column("vector", column).cast(schema_of(Kind.AUDIO, WIDTH))
    return write_shard(table, path, Kind.AUDIO, embedding.recipe, clips)


def _known(path: Path, made_by: str, clips: Mapping[str, str], heard: pa.Table) -> pa.ChunkedArray | None:
    """Vectors of the shard that is there, if they are of the very same clips: then only words have changed since."""
    if not clips or not path.is_file() or made_by_of(path) != made_by or clips_of(path) != clips:
        return None
    told = ["segment_id", "status"]
    old = read_shard(path, Kind.AUDIO, made_by=made_by)
    return old["vector"] if old.select(told).equals(heard.select(told)) else None


def _vectors(net: AudioCnn, heard: pa.Table) -> Iterator[np.ndarray | None]:
    """Vector of each row; None where there is no sound."""
    ok = [status == Status.OK for status in heard["status"].to_pylist()]
    log_mels = [frames for frames, is_ok in zip(frames_of(heard), ok, strict=True) if is_ok]
    vectors = iter(net.embed_all(log_mels))
    return (next(vectors) if is_ok else None for is_ok in ok)


@lru_cache(maxsize=1)
def _net(checkpoint: Path, n_mels: int, device: str) -> AudioCnn:
    return open_audio_cnn(checkpoint, n_mels).to(device)
