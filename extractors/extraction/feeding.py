"""Feeding: clips are prepared in this process, or by feeders beside it that stay a few clips ahead of a network."""

import os
import shutil
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import lru_cache
from multiprocessing import parent_process
from multiprocessing.connection import wait
from multiprocessing.util import Finalize
from pathlib import Path

import torch
from torch import Tensor
from torch.multiprocessing import get_context

from audiosetzsl.errors import SetupError
from audiosetzsl.shards import Status
from extractors.extraction.hanging import HUNG_S, ended_after, patience_s
from extractors.extraction.preparing import Prepared, Wanted, prepare
from extractors.extraction.rows import ClipRow, Found

# Clips that are ready, or being made so, for each feeder. Pictures of 10 s at 25 fps are 38 MB.
AHEAD = 2
SHARED_MEMORY = Path("/dev/shm")
CLIP_BYTES = 250 * 224 * 224 * 3

Shared = tuple[Prepared, Tensor | None]


def feed(
    clips: Sequence[ClipRow],
    wanted: Wanted,
    feeders: int,
    on_clip: Callable[[ClipRow], None],
    hung_s: float = HUNG_S,
) -> Iterator[Prepared]:
    """Yield what is found in clips, in their order; `on_clip` is told of each before anybody touches it.

    Args:
        clips: what to prepare.
        wanted: what is to be found in them.
        feeders: processes that decode; 0 decodes here, one clip after another.
        on_clip: called with each clip.
        hung_s: a process that decodes a clip of 10 s for so long is ended; without feeders, that is this one.

    Raises:
        SetupError: there is too little shared memory for pictures to pass from one process to another.
    """
    if not feeders:
        for clip in clips:
            on_clip(clip)
            yield _watched(wanted, clip, hung_s)
        return
    check_shared_memory(SHARED_MEMORY, feeders)
    waiting: deque[tuple[ClipRow, Future[Shared]]] = deque()
    for clip in clips:
        on_clip(clip)
        waiting.append((clip, _submit(feeders, wanted, clip, hung_s)))
        if len(waiting) > AHEAD * feeders:
            yield from _first(waiting, wanted, hung_s)
    while waiting:
        yield from _first(waiting, wanted, hung_s)


def prepare_apart(wanted: Wanted, clip: ClipRow, hung_s: float = HUNG_S) -> Prepared:
    """Prepare a clip in a process that does nothing else: a decoder that dies or hangs takes nobody with it."""
    with _pool_of(1) as pool:
        pool.submit(_ready).result()  # that a process does not even start is no fault of the clip
        limit_s, began_s = patience_s(hung_s, clip.expected_s), time.monotonic()
        try:
            return _unpacked(pool.submit(_packed, wanted, clip, hung_s).result())
        except BrokenProcessPool:
            is_hung = time.monotonic() - began_s >= limit_s
            how = f"did not come to an end in {limit_s:g} s" if is_hung else "died"
            lost = Found(Status.FAILED, f"the process that decoded it {how}; see whether FFmpeg can read it")
            return Prepared(lost, lost)


def check_shared_memory(folder: Path, feeders: int) -> None:
    """Look whether pictures can pass between processes.

    Raises:
        SetupError: containers often have 64 MB for that.
    """
    needed = (AHEAD * feeders + 1) * CLIP_BYTES
    free = shutil.disk_usage(folder).free if folder.is_dir() else needed
    if free < needed:
        raise _too_little(
            folder, f"has {free >> 20} MB free, {feeders} feeders need {needed >> 20} MB or more"
        )


def _too_little(folder: Path, what: str) -> SetupError:
    return SetupError(
        f"{folder} {what} to hand pictures over; start the container with --shm-size=8g, or ask for --feeders 0"
    )


def _first(
    waiting: deque[tuple[ClipRow, Future[Shared]]], wanted: Wanted, hung_s: float
) -> Iterator[Prepared]:
    """Yield the oldest of those that are waited for; where a feeder has died, all of them, each made apart."""
    clip, future = waiting.popleft()
    try:
        ready = _unpacked(future.result())
    except BrokenProcessPool:
        _feeders.cache_clear()
        left = [clip, *(clip for clip, _ in waiting)]
        waiting.clear()
        yield from (prepare_apart(wanted, clip, hung_s) for clip in left)
    except RuntimeError as problem:
        if "shared memory" not in str(problem):
            raise
        raise _too_little(SHARED_MEMORY, "is full, and clips longer than 10 s need more of it") from problem
    else:
        yield ready


def _submit(feeders: int, wanted: Wanted, clip: ClipRow, hung_s: float) -> Future[Shared]:
    try:
        return _feeders(feeders).submit(_packed, wanted, clip, hung_s)
    except BrokenProcessPool as problem:  # it died since; whoever waits for the clip will see to that
        broken: Future[Shared] = Future()
        broken.set_exception(problem)
        return broken


@lru_cache(maxsize=1)
def _feeders(n: int) -> ProcessPoolExecutor:
    """Feeders of this process, kept from block to block: it takes them seconds to start."""
    pool = _pool_of(n)
    # A process that was itself started by a pool waits at its end for its children, who would wait for work.
    Finalize(None, pool.shutdown, exitpriority=100)
    return pool


def _pool_of(n: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(n, mp_context=get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """Set a feeder up: one thread; the end of the work, also a sudden one, is told by whoever started it."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _ready() -> None:
    """Be there."""


def _watched(wanted: Wanted, clip: ClipRow, hung_s: float) -> Prepared:
    with ended_after(patience_s(hung_s, clip.expected_s)):
        return prepare(wanted, clip)


def _packed(wanted: Wanted, clip: ClipRow, hung_s: float) -> Shared:
    """Pictures go into shared memory, so that nobody has to copy them through a pipe."""
    ready = _watched(wanted, clip, hung_s)
    if ready.pictures.feature is None:
        return ready, None
    # Whoever sends a tensor to another process moves it there.
    pictures = torch.from_numpy(ready.pictures.feature)
    return replace(ready, pictures=replace(ready.pictures, feature=None)), pictures


def _unpacked(shared: Shared) -> Prepared:
    ready, pictures = shared
    if pictures is None:
        return ready
    return replace(ready, pictures=replace(ready.pictures, feature=pictures.numpy()))
