"""Distance from the Kinetics classes, which the video network has seen, measured by word vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audiosetzsl.classes import Class
from audiosetzsl.errors import SetupError
from audiosetzsl.word_tables.table import WordTable

MAX_SIMILARITY = 0.8  # the paper, section 4: an unseen class is not nearer than this to any Kinetics class
ENOUGH = 0.9  # of the names must be known before a class can be called far from all of them


@dataclass(frozen=True, slots=True)
class Nearest:
    """The Kinetics class nearest to a class, by cosine of their word vectors."""

    name: str
    cosine: float
    whole: bool  # whether every word of the name is known


@dataclass(frozen=True, slots=True)
class KineticsNames:
    """The names that could be embedded, and how many there are in all."""

    names: tuple[str, ...]
    directions: np.ndarray  # float64 [n_names, n_dimensions], of length 1
    whole: tuple[bool, ...]  # whether every word of the name is known
    n_all: int

    @property
    def enough(self) -> bool:
        """Whether the table knows enough of the names to say that a class is far from all."""
        return len(self.names) >= ENOUGH * self.n_all

    def nearest(self, vector: np.ndarray | None) -> Nearest | None:
        """The name nearest to a vector; None if there is nothing to compare."""
        direction = None if vector is None else _direction(vector)
        if direction is None or not self.names:
            return None
        cosines = self.directions @ direction
        best = int(cosines.argmax())
        return Nearest(self.names[best], float(cosines[best]), self.whole[best])

    def passes(self, nearest: Nearest | None) -> bool | None:
        """Whether a class is far enough from Kinetics; None where too few names are known to tell.

        One name that is too near is enough to fail, however few are known, if all of it is known: of
        "using a printer" a poor table may know the printer alone.
        """
        if nearest is None or not (self.enough or nearest.whole):
            return None
        if nearest.cosine > MAX_SIMILARITY:
            return False
        return True if self.enough else None


def read_kinetics_names(path: Path) -> list[str]:
    """Read the names of the Kinetics classes, one a line.

    Raises:
        SetupError: the file is absent or holds no name.
    """
    if not path.is_file():
        raise SetupError(
            f"{path} does not exist; --kinetics needs the names of the Kinetics classes, one a line, "
            "such as label_map.txt of https://github.com/google-deepmind/kinetics-i3d"
        )
    names = [name for line in path.read_text().splitlines() if (name := line.strip())]
    if not names:
        raise SetupError(f"{path} holds no name, expected one Kinetics class a line")
    return names


def embed_names(names: Sequence[str], table: WordTable) -> KineticsNames:
    """Embed each name as the mean of its known words; one with no known word is left out and counted."""
    embedded = [(name, *table.embed(name)) for name in names]
    found = [
        (name, direction, whole)
        for name, vector, whole in embedded
        if vector is not None and (direction := _direction(vector)) is not None
    ]
    return KineticsNames(
        names=tuple(name for name, _, _ in found),
        directions=np.array([direction for _, direction, _ in found]),
        whole=tuple(whole for _, _, whole in found),
        n_all=len(names),
    )


def embed_class(one: Class, table: WordTable) -> np.ndarray | None:
    """Vector of a class: of its phrase if all of it is known, else of its name, else of what is known."""
    by_phrase, whole = table.embed(one.words)
    if whole:
        return by_phrase
    by_name, _ = table.embed(one.name)
    return by_phrase if by_name is None else by_name


def _direction(vector: np.ndarray) -> np.ndarray | None:
    length = float(np.linalg.norm(vector.astype(np.float64)))
    return vector.astype(np.float64) / length if length else None
