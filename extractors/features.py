"""A block of clips to its rows of features: one row for every segment, whatever happens to its clip."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Float32

from audiosetzsl.errors import ClipError, SetupError
from audiosetzsl.shards import N_MELS, SCHEMAS, VECTOR_WIDTH, Kind, Status
from extractors.log_mel import LogMelConfig, log_mel
from extractors.media.decoding import SAMPLE_RATE_HZ, PictureConfig, read_frames, read_sound
from extractors.media.inspection import OFF_S, SILENT_PEAK
from extractors.video.i3d import I3D, clip_vector, random_i3d


@dataclass(frozen=True, slots=True)
class VideoConfig:
    """Weights, pictures and windows of the video features; the defaults are those I3D was trained with."""

    weights: str = "random:0"  # "random:<seed>" are stand-ins that learned nothing
    size: int = 224
    short_side: int = 256
    fps: float = 25.0
    window: int = 64
    hop: int = 64

    def __post_init__(self) -> None:
        if min(self.window, self.hop) < 1:
            raise ValueError(f"window is {self.window} and hop {self.hop}, expected both to be at least 1")
        _ = self.pictures  # its own checks hold for these fields too

    @property
    def pictures(self) -> PictureConfig:
        """The part that decoding needs."""
        return PictureConfig(self.size, self.short_side, self.fps)


@dataclass(frozen=True, slots=True)
class ClipRow:
    """A segment and its clip, or why it has none."""

    segment_id: str
    path: Path | None
    reason: str  # "" where there is a path
    expected_s: float  # end_s - start_s of the manifest


@dataclass(frozen=True, slots=True)
class Found:
    """One row to be: the feature of one clip, or the status that says why there is none."""

    status: Status
    reason: str = ""
    flags: tuple[str, ...] = ()
    feature: Float32[np.ndarray, "..."] | None = None


def extract_block(
    clips: Sequence[ClipRow], sound: LogMelConfig, video: VideoConfig
) -> tuple[pa.Table, pa.Table]:
    """Log-mel shard and video shard of a block, one row a clip in the order given."""
    return extract_log_mel(clips, sound), extract_video(clips, video)


def extract_log_mel(clips: Sequence[ClipRow], config: LogMelConfig) -> pa.Table:
    """Rows of the log-mel shard, float16. Flags: silent, short, long.

    Raises:
        SetupError: the configuration does not fit what shards hold or what media are decoded to.
    """
    if (config.n_mels, config.sample_rate_hz) != (N_MELS, SAMPLE_RATE_HZ):
        raise SetupError(
            f"log-mel shards hold {N_MELS} bands of {SAMPLE_RATE_HZ} Hz sound, "
            f"the configuration has {config.n_mels} of {config.sample_rate_hz} Hz"
        )
    found = [_tried(clip, lambda clip, path: _heard(clip, path, config)) for clip in clips]
    frames = [row.feature for row in found]
    n_frames = np.array([0 if x is None else len(x) for x in frames], np.int32)
    return _table(Kind.LOG_MEL, clips, found, pa.array(n_frames), _ragged(frames, n_frames))


def extract_video(clips: Sequence[ClipRow], config: VideoConfig) -> pa.Table:
    """Rows of the video shard. Flags: short, long, padded (fewer pictures than one window).

    Raises:
        SetupError: the weights are not known.
    """
    net = _net(config.weights)
    found = [_tried(clip, lambda clip, path: _seen(clip, path, config, net)) for clip in clips]
    return _table(Kind.VIDEO, clips, found, _vectors([row.feature for row in found]))


def _heard(clip: ClipRow, path: Path, config: LogMelConfig) -> Found:
    sound = read_sound(path)
    frames = log_mel(sound, config)
    if not len(frames):
        raise ClipError("no_audio", f"{path.name}: {len(sound)} samples of sound make no frame")
    silent = ("silent",) if np.abs(sound).max() < SILENT_PEAK else ()
    flags = (*silent, *_length_flags(len(sound) / SAMPLE_RATE_HZ, clip.expected_s))
    return Found(Status.OK, flags=flags, feature=frames)


def _seen(clip: ClipRow, path: Path, config: VideoConfig, net: I3D) -> Found:
    frames = read_frames(path, config.pictures)
    vector = clip_vector(net, frames, window=config.window, hop=config.hop)
    padded = ("padded",) if len(frames) < config.window else ()
    flags = (*_length_flags(len(frames) / config.fps, clip.expected_s), *padded)
    return Found(Status.OK, flags=flags, feature=vector)


def _tried(clip: ClipRow, extract: Callable[[ClipRow, Path], Found]) -> Found:
    """Extract from one clip; a clip that fails is a row like any other."""
    if clip.path is None:
        return Found(Status.NO_CLIP, clip.reason or "no clip")
    try:
        return extract(clip, clip.path)
    except ClipError as problem:
        return Found(Status(problem.reason), str(problem))


def _length_flags(found_s: float, expected_s: float) -> tuple[str, ...]:
    if abs(found_s - expected_s) <= OFF_S:
        return ()
    return ("short",) if found_s < expected_s else ("long",)


@lru_cache(maxsize=2)
def _net(weights: str) -> I3D:
    """The network that a configuration names; built once a process."""
    kind, _, seed = weights.partition(":")
    if kind != "random" or not seed.isdecimal():
        raise SetupError(f"weights are {weights!r}, expected random:<seed>, such as random:0")
    return random_i3d(int(seed))


def _table(kind: Kind, clips: Sequence[ClipRow], found: Sequence[Found], *features: pa.Array) -> pa.Table:
    head = [
        [clip.segment_id for clip in clips],
        [str(row.status) for row in found],
        [row.reason for row in found],
        [row.flags for row in found],
    ]
    schema = SCHEMAS[kind]
    columns = [pa.array(values, schema.field(i).type) for i, values in enumerate(head)]
    return pa.Table.from_arrays([*columns, *features], schema=schema)


def _ragged(frames: Iterable[Float32[np.ndarray, "..."] | None], n_frames: np.ndarray) -> pa.ListArray:
    """Frames of all clips laid end to end in one buffer; no Python number is ever made."""
    kind = SCHEMAS[Kind.LOG_MEL].field("log_mel").type
    laid = [np.zeros((0, N_MELS), np.float16), *(x.astype(np.float16) for x in frames if x is not None)]
    bands = pa.FixedSizeListArray.from_arrays(pa.array(np.concatenate(laid).ravel()), type=kind.value_type)
    offsets = np.concatenate([[0], np.cumsum(n_frames)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), bands, type=kind, mask=pa.array(n_frames == 0))


def _vectors(vectors: Sequence[Float32[np.ndarray, "..."] | None]) -> pa.FixedSizeListArray:
    """One vector a row; a row without one is null."""
    nothing = np.zeros(VECTOR_WIDTH, np.float32)
    laid = [nothing, *(nothing if x is None else x for x in vectors)]
    values = pa.array(np.concatenate(laid)[VECTOR_WIDTH:])
    mask = pa.array([x is None for x in vectors], pa.bool_())
    return pa.FixedSizeListArray.from_arrays(values, type=SCHEMAS[Kind.VIDEO].field("vector").type, mask=mask)
