"""A block of clips to tables of log-mel and of video features: a row for every segment, in the order given."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pyarrow as pa

from audiosetzsl.shards import Kind, Recipe, Status, log_mel_column, schema_of, vector_column
from extractors.extraction.feeding import feed, prepare_apart
from extractors.extraction.hanging import HUNG_S, ended_after, patience_s
from extractors.extraction.preparing import Prepared, Wanted
from extractors.extraction.rows import ClipRow, Found, head_of
from extractors.log_mel import LogMelConfig
from extractors.video.nets import VideoConfig, VideoNet, open_net, weights_name
from extractors.video.windows import clip_vector

# Raised whenever a change of ours changes the numbers: older shards are then of another make.
LOG_MEL_CODE = 1
VIDEO_CODE = 1


@dataclass(frozen=True, slots=True)
class Extractors:
    """What is extracted from every clip; None is left out."""

    log_mel: LogMelConfig | None
    video: VideoConfig | None

    @property
    def wanted(self) -> Wanted:
        """The part that decoding has to do."""
        return Wanted(self.log_mel, self.video.pictures if self.video else None)


@dataclass(frozen=True, slots=True)
class Equipment:
    """Where the network runs, and how many processes decode for it; 0 takes turns with it in one process."""

    device: str = "cpu"
    feeders: int = 0
    hung_s: float = HUNG_S  # a process that works on a clip of 10 s for so long is ended


def log_mel_recipe(config: LogMelConfig) -> Recipe:
    """What makes log-mel features what they are."""
    return Recipe.of(config, code=LOG_MEL_CODE)


def video_recipe(config: VideoConfig) -> Recipe:
    """What makes video features what they are; weights count by their content, wherever they lie.

    Raises:
        SetupError: the weights are not there.
    """
    return Recipe.of(config, code=VIDEO_CODE, weights=weights_name(config))


def extract_block(
    clips: Sequence[ClipRow],
    extractors: Extractors,
    equipment: Equipment | None = None,
    *,
    suspects: Collection[str] = (),
    on_clip: Callable[[ClipRow], None] = lambda clip: None,
) -> dict[Kind, pa.Table]:
    """Extract from a block of clips.

    Args:
        clips: segments and their clips.
        extractors: what to extract.
        equipment: where to; None is this process.
        suspects: segments at which a process died or hung: their clips are decoded apart.
        on_clip: told of each clip before it is touched.

    Raises:
        SetupError: the weights of the network are not there, or not what they have to be.
    """
    equipment = equipment or Equipment()
    net = _net(extractors.video, equipment.device) if extractors.video else None
    heard, seen = [], []
    ready = _prepared(clips, extractors.wanted, equipment, suspects, on_clip)
    for clip, found in zip(clips, ready, strict=True):
        heard.append(found.log_mel)
        with ended_after(patience_s(equipment.hung_s, max(clip.expected_s, found.pictures.duration_s))):
            seen.append(_through(net, found.pictures, extractors.video))
    tables = {}
    if extractors.log_mel:
        tables[Kind.LOG_MEL] = _log_mel_table(list(clips), heard, extractors.log_mel.n_mels)
    if net:
        tables[Kind.VIDEO] = _video_table(list(clips), seen, net.width)
    return tables


def _prepared(
    clips: Sequence[ClipRow],
    wanted: Wanted,
    equipment: Equipment,
    suspects: Collection[str],
    on_clip: Callable[[ClipRow], None],
) -> Iterator[Prepared]:
    unsuspected = [clip for clip in clips if clip.segment_id not in suspects]
    others = feed(unsuspected, wanted, equipment.feeders, on_clip, equipment.hung_s)
    for clip in clips:
        if clip.segment_id in suspects:
            on_clip(clip)
            yield prepare_apart(wanted, clip, equipment.hung_s)
        else:
            yield next(others)


def _through(net: VideoNet | None, pictures: Found, config: VideoConfig | None) -> Found:
    """Pictures of a clip to its vector. Flag: padded (fewer pictures than one window).

    What goes wrong here is no fault of the clip, and is raised: it would go wrong with every other, too.
    """
    if net is None or config is None or pictures.feature is None:
        return pictures
    vector, n_windows = clip_vector(net, pictures.feature, window=config.window, hop=config.hop)
    if not np.isfinite(vector).all():
        return Found(Status.FAILED, "the network gave numbers that are not finite", pictures.flags)
    padded = ("padded",) if pictures.n_frames < config.window else ()
    return replace(pictures, flags=(*pictures.flags, *padded), n_windows=n_windows, feature=vector)


@lru_cache(maxsize=1)
def _net(config: VideoConfig, device: str) -> VideoNet:
    """The network, opened once a process."""
    return open_net(config, device)


def _log_mel_table(clips: list[ClipRow], found: list[Found], n_mels: int) -> pa.Table:
    schema = schema_of(Kind.LOG_MEL, n_mels)
    n_frames = pa.array([row.n_frames if row.status is Status.OK else 0 for row in found], pa.int32())
    column = log_mel_column([row.feature for row in found], n_mels)
    return pa.Table.from_arrays([*head_of(clips, found, schema), n_frames, column], schema=schema)


def _video_table(clips: list[ClipRow], found: list[Found], width: int) -> pa.Table:
    schema = schema_of(Kind.VIDEO, width)
    n_frames = pa.array([row.n_frames for row in found], pa.int32())
    n_windows = pa.array([row.n_windows for row in found], pa.int32())
    column = vector_column([row.feature for row in found], width)
    return pa.Table.from_arrays([*head_of(clips, found, schema), n_frames, n_windows, column], schema=schema)
