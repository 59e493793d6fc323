"""Log-mels of a workspace, streamed: however many shards there are, a few blocks of them are in memory."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float16

from audiosetzsl.errors import SetupError
from audiosetzsl.features.held import held_by, lacking, refuse
from audiosetzsl.features.parts import parts_of, reading_threads
from audiosetzsl.manifest import load_manifest
from audiosetzsl.shards import Kind, frames_of, read_groups
from audiosetzsl.workspace import Workspace

LogMel = tuple[str, str, Float16[np.ndarray, "n_frames n_mels"]]


@dataclass(frozen=True, slots=True)
class Order:
    """In which order a stream comes, and which part of it: the same for the same values, on every machine.

    Args:
        seed: None takes shards as they lie; a number, 0 or more, shuffles blocks, and clips within `mix_blocks`
            of them.
        mix_blocks: blocks whose clips are mixed with each other when shuffled; they are in memory together.
        first_block: blocks that are skipped: what comes is the end of the whole stream, for each of the workers, so
            this is how to go on after a break. Where clips are mixed it is a multiple of `mix_blocks`.
        worker: which of `n_workers` readers this is; together they get every clip once.
        n_workers: how many there are.
    """

    seed: int | None = None
    mix_blocks: int = 2
    first_block: int = 0
    worker: int = 0
    n_workers: int = 1

    def __post_init__(self) -> None:
        numbers_fit = 0 <= self.worker < self.n_workers and self.mix_blocks >= 1 and self.first_block >= 0
        if not numbers_fit or (self.seed is not None and self.seed < 0):
            raise SetupError(
                f"{self} is no order; expected worker to be one of 0 to n_workers - 1, mix_blocks at least 1, "
                "first_block at least 0, and seed None or at least 0"
            )
        if self.first_block % self.turn:
            raise SetupError(
                f"{self} begins amid blocks that are mixed; expected first_block to be a multiple of {self.turn}"
            )

    @property
    def turn(self) -> int:
        """Blocks that a worker takes together."""
        return 1 if self.seed is None else self.mix_blocks


def stream_log_mel(
    place: Workspace,
    *,
    split: str | None,
    seen: bool | None,
    classes: Collection[str] | None = None,
    order: Order | None = None,
    unfinished: bool = False,
) -> Iterator[LogMel]:
    """Yield segment id, class name and log-mel [n_frames, n_mels] of the clips that have one.

    Shards are read row group by row group (32 clips), and those without a clip that is asked for are not decoded.

    Args:
        place: a workspace.
        split: train, val or test; None, which has to be said, takes all three.
        seen: True takes seen classes, False unseen ones, None both.
        classes: only these classes.
        order: None is as the shards lie, all of them.
        unfinished: take what there is while shards are being made, with a warning in the log.

    Raises:
        ShardError: there are no log-mel shards or none for some segment, one is damaged or of another recipe than
            the rest, or two hold the same segment.
        ManifestError: the manifest is absent or wrong, or has no such split or class.
    """
    rows = load_manifest(place.manifest, split=split, seen=seen, classes=classes)
    class_of = dict(zip(rows.segment_id, rows.class_name, strict=True))
    parts, order = parts_of(place, Kind.LOG_MEL), order or Order()
    with reading_threads() as pool:
        held = held_by(parts, pool).index
    refuse(lacking(place, parts, pd.Index(rows.segment_id), held), allowed=unfinished)
    del rows, held  # a stream may last for hours
    for paths in _turns(parts.paths, order):
        clips = (clip for path in paths for clip in _clips(path, parts.made_by, class_of))
        yield from clips if order.seed is None else _mixed(clips, paths, order.seed)


def _turns(paths: Sequence[Path], order: Order) -> list[Sequence[Path]]:
    """Shards that this reader takes, those together that are mixed with each other.

    Turns are dealt to workers by their number in the whole stream, wherever it begins.
    """
    if order.seed is not None:
        paths = [paths[i] for i in np.random.default_rng(order.seed).permutation(len(paths))]
    turns = [paths[i : i + order.turn] for i in range(0, len(paths), order.turn)]
    begin = order.first_block // order.turn
    return [
        turn
        for number, turn in enumerate(turns)
        if number >= begin and number % order.n_workers == order.worker
    ]


def _mixed(clips: Iterable[LogMel], paths: Sequence[Path], seed: int) -> Iterator[LogMel]:
    """Clips of some shards, shuffled; each is let go of as it leaves."""
    held = list(clips)
    # Drawn for these shards, wherever in the stream they stand: so the end of a stream is the same on its own.
    names = "".join(path.name for path in paths).encode()
    np.random.default_rng([seed, *names]).shuffle(held)
    while held:
        yield held.pop()


def _clips(path: Path, made_by: str, class_of: Mapping[str, str]) -> Iterator[LogMel]:
    for rows in read_groups(path, Kind.LOG_MEL, class_of, made_by=made_by):
        for name, frames in zip(rows["segment_id"].to_pylist(), frames_of(rows), strict=True):
            # A copy, for whoever keeps one clip would keep all of its row group, and torch wants to write.
            yield name, class_of[name], frames.copy()
