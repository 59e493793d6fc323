"""Source synthetic: stand-ins that are rendered, alike for classes whose words are alike."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from audiosetzsl.classes import AUDIOSETZSL
from audiosetzsl.manifest import Segment
from extractors.media.synthetic import N_STYLE, render_clip
from extractors.words.class_vectors import load_ontology_vectors
from flows.sources.notes import note_of
from flows.sources.source import Got


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Renders a clip for every segment; nobody is asked for anything."""

    name: str = "synthetic"
    threads: int = 1

    def look(self, ytid: str) -> None:
        """Every stand-in is there."""

    def get(self, segment: Segment, mid: str, into: Path) -> Got:
        """Render the stand-in of a segment: the same one every time."""
        seed = int.from_bytes(hashlib.sha256(segment.segment_id.encode()).digest()[:4])
        note = note_of(self.name)
        render_clip(into, style_of(mid), seed=seed, duration_s=segment.duration_s, note=note)
        return Got(into)


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
