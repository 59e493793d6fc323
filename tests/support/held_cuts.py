"""Cuts held against the media that tell the truth, and parts of such media as downloads have them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import truth_media as truth

from extractors.media import cutting
from extractors.media.inspection import inspect
from extractors.media.packets import Source

SOUND_OFF_S = 0.013  # half a packet of AAC, and the step of the noise


def cut(sources: Sequence[Source], path: Path, start_s: float, end_s: float, **options: str) -> cutting.Cut:
    """Cut between times that may be whole numbers."""
    return cutting.cut(sources, path, float(start_s), float(end_s), **options)


def sources_of(source: truth.Truth, form: str) -> list[Path]:
    """Files of a video in "one file" or in "two files"."""
    return {"one file": [source.both], "two files": [source.video, source.audio]}[form]


def on_screen(pictures: Sequence[tuple[float, int]], time_s: float) -> int:
    """Number of the picture that is on screen."""
    return [number for shown_s, number in pictures if shown_s <= time_s + 0.002][-1]


def hold(
    path: Path,
    source: truth.Truth,
    start_s: float,
    end_s: float,
    *,
    fps: float = 25,
    sound_off_s: float = SOUND_OFF_S,
    sound: bool = True,
) -> None:
    """Hold a clip to the segment: what is on screen all along, and the sound at both ends."""
    pictures = truth.frame_numbers(path)
    assert pictures[0][0] == pytest.approx(0, abs=0.001)
    for time_s in np.linspace(0, end_s - start_s - 0.004, 23):
        # Numbers change at k / fps; within 3 ms of that, either is right.
        low, high = (int((start_s + time_s + off) * fps + 1e-6) for off in (-0.003, 0.003))
        assert low <= on_screen(pictures, time_s) <= high
    assert pictures[-1][0] < end_s - start_s
    assert [number for _, number in pictures] == list(range(pictures[0][1], pictures[-1][1] + 1))
    facts = inspect(path, float(end_s - start_s))
    assert facts.n_frames == len(pictures)
    assert facts.duration_s == pytest.approx(end_s - start_s, abs=1 / fps)
    assert facts.flags == (() if sound else ("no_audio",))
    if sound:
        assert truth.sound_starts_at_s(path, source) == pytest.approx(start_s, abs=sound_off_s)
        assert truth.sound_ends_at_s(path, source) == pytest.approx(end_s, abs=0.025)
        assert truth.sound_ends_s(path) == pytest.approx(end_s - start_s, abs=0.025)


def boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and bytes of the boxes of an MP4, top level only."""
    at = 0
    while at < len(content):
        size = int.from_bytes(content[at : at + 4], "big")
        yield content[at + 4 : at + 8], content[at : at + size]
        at += size


def part_of(path: Path, first: int, last: int, *, index: bool) -> bytes:
    """Header and some fragments of a DASH file, as ranges of it are downloaded."""
    head, fragments = b"", []
    for kind, box in boxes(path.read_bytes()):
        if kind == b"moof":
            fragments.append(box)
        elif kind == b"mdat":
            fragments[-1] += box
        elif kind in (b"ftyp", b"moov") or (kind == b"sidx" and index):
            head += box
    return head + b"".join(fragments[first:last])
