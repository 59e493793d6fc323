"""Sources of clips: a folder of one's own, or stand-ins that are rendered."""

import hashlib
import re
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from audiosetzsl.classes import AUDIOSETZSL
from audiosetzsl.errors import SetupError
from audiosetzsl.manifest import Segment
from extractors.class_vectors import load_ontology_vectors
from extractors.synthetic import N_STYLE, render_clip

# `<ytid>_<start in ms>` at the end of the name, whatever stands before it, as `dog_20qZLse0acs_30000.mp4`.
_CLIP_NAME = re.compile(r"(?:.*[^A-Za-z0-9-]|)([A-Za-z0-9_-]{11}_\d+)\.(?:mp4|mkv|webm|mov|avi)")

# Gets the clip of a segment, told the mid of its class: a path, or None where the source has no such clip.
Get = Callable[[Segment, str], Path | None]


def open_source(source: str, media: Path) -> Get:
    """Turn `synthetic` or `local:FOLDER` into a function that gets clips; new files go to `media`.

    Raises:
        SetupError: there is no such source.
    """
    kind, _, where = source.partition(":")
    if kind == "synthetic" and not where:
        return partial(_render, media)
    if kind == "local" and where:
        clips = find_clips(Path(where).resolve())
        return lambda segment, _: clips.get(segment.segment_id)
    raise SetupError(f"there is no source {source!r}, expected 'synthetic' or 'local:FOLDER'")


@lru_cache(maxsize=4)
def find_clips(folder: Path) -> dict[str, Path]:
    """Clips below a folder by segment id.

    Raises:
        SetupError: it is no folder, or two files claim the same segment.
    """
    if not folder.is_dir():
        raise SetupError(f"{folder} is no folder, expected one that holds clips")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        name = _CLIP_NAME.fullmatch(path.name)
        if name and path.is_file():
            if name[1] in found:
                raise SetupError(f"{path} and {found[name[1]]} are both a clip of {name[1]}; leave one")
            found[name[1]] = path
    return found


def style_of(mid: str) -> np.ndarray:
    """Eight numbers for a label, from -2 to 2: alike in words, alike in the clip."""
    vectors, centre, directions = _words()
    style: np.ndarray = np.clip((vectors[mid] - centre) @ directions, -2, 2)
    return style


@lru_cache(maxsize=1)
def _words() -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Class vectors, and the eight directions in which those of AudioSetZSL differ most, of unit deviation."""
    vectors = load_ontology_vectors()
    ours = np.stack([vectors[c.mid] for c in AUDIOSETZSL]).astype(np.float64)
    centre = ours.mean(0)
    _, strengths, directions = np.linalg.svd(ours - centre, full_matrices=False)
    chosen = directions[:N_STYLE]
    # A decomposition leaves the sign of a direction open.
    chosen = chosen * np.sign(chosen[np.arange(N_STYLE), np.abs(chosen).argmax(1)])[:, None]
    return vectors, centre, chosen.T * (np.sqrt(len(ours)) / strengths[:N_STYLE])


def _render(media: Path, segment: Segment, mid: str) -> Path:
    segment_id = segment.segment_id
    path = media / segment_id[:2] / f"{segment_id}.mp4"
    if not path.is_file():
        seed = int.from_bytes(hashlib.sha256(segment_id.encode()).digest()[:4])
        render_clip(path, style_of(mid), seed=seed, duration_s=segment.duration_s)
    return path
