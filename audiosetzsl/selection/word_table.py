"""Tables of word vectors: which words they know, and what a phrase of several words is in them."""

import re
import zipfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audiosetzsl.errors import SetupError

_WORD = re.compile(r"[a-z0-9']+")


@dataclass(frozen=True, slots=True)
class WordTable:
    """Vectors by word or by whole name, in lower case."""

    vectors: Mapping[str, np.ndarray]

    def embed(self, phrase: str) -> tuple[np.ndarray | None, bool]:
        """Vector of a phrase, and whether all of it is known.

        A phrase that stands in the table as a whole has its own vector; any other is the mean of those of
        its words that are known, or None if none is.
        """
        if (whole := self.vectors.get(phrase.lower())) is not None:
            return whole, True
        words = words_of(phrase)
        known = [self.vectors[word] for word in words if word in self.vectors]
        return (np.mean(known, axis=0), len(known) == len(words)) if known else (None, False)


def words_of(phrase: str) -> list[str]:
    """Words of a phrase in lower case: `Roaring cats (lions, tigers)` has four."""
    return _WORD.findall(phrase.lower())


def read_word_table(path: Path, phrases: Iterable[str]) -> WordTable:
    """Read the vectors that `phrases` need, from .npz (names, vectors) or from word2vec or GloVe text.

    Raises:
        SetupError: the file is absent, of another kind, or malformed; the message names the line.
    """
    if not path.is_file():
        raise SetupError(f"{path} does not exist; --vectors needs a table of word vectors")
    if path.suffix == ".npz":
        return WordTable(_read_arrays(path))
    if path.suffix in (".txt", ".vec"):
        needed = {word for phrase in phrases for word in (*words_of(phrase), phrase.lower())}
        return WordTable(_read_text(path, needed))
    raise SetupError(
        f"{path}: expected .npz with names and vectors, or word2vec or GloVe text in .txt or .vec; "
        "write a binary table out as text first"
    )


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        # Pickled objects stay unread: a table from elsewhere must not be able to run code.
        with np.load(path, allow_pickle=False) as arrays:
            names, vectors = arrays["names"], arrays["vectors"]
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as problem:
        raise SetupError(
            f"{path} cannot be read ({problem}); expected arrays `names` (text) and `vectors`, no pickles"
        ) from problem
    if (
        names.dtype.kind != "U"
        or vectors.dtype.kind != "f"
        or vectors.shape[:1] != names.shape
        or vectors.ndim != 2
    ):
        raise SetupError(
            f"{path}: names are {names.dtype} {names.shape}, vectors {vectors.dtype} {vectors.shape}, "
            "expected n texts and n rows of numbers"
        )
    return {name.lower(): vector for name, vector in zip(names.tolist(), vectors, strict=True)}


def _read_text(path: Path, needed: Collection[str]) -> dict[str, np.ndarray]:
    wanted = {word.encode() for word in needed}
    vectors: dict[str, np.ndarray] = {}
    length = 0
    with path.open("rb") as lines:  # bytes: millions of lines are passed over without being decoded
        for number, line in enumerate(lines, start=1):
            word, _, rest = line.rstrip().partition(b" ")
            header = number == 1 and len(line.split()) == 2
            if header or word not in wanted:
                continue
            try:
                vector = np.array(rest.split(), np.float32)
            except ValueError as problem:
                raise SetupError(
                    f"{path}, line {number}: {problem}, expected a word and numbers"
                ) from problem
            length = length or len(vector)
            if not 1 < len(vector) == length:
                raise SetupError(
                    f"{path}, line {number}: {len(vector)} numbers, expected {max(length, 2)}; "
                    "the table is damaged or no table of word vectors"
                )
            vectors.setdefault(word.decode(), vector)
    return vectors
