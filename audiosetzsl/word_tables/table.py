"""Word table: the vectors that were read of one, and which of its entries stand for a phrase."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from audiosetzsl.word_tables.spelling import (
    plain,
    spellings_of_phrase,
    spellings_of_word,
    splits_of_word,
    words_of,
)


@dataclass(frozen=True, slots=True)
class Found:
    """The entries whose mean stands for a phrase, and its words that the table does not know."""

    entries: tuple[str, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WordTable:
    """Vectors by entry, spelled as in the file."""

    vectors: Mapping[str, np.ndarray]  # float32 [width] each
    of_names: bool = False  # whether somebody named the rows (.npz, Parquet), rather than a corpus
    remark: str = ""  # what else is known of the file, for the message that something is not in it

    def find(self, phrase: str, left_out: Collection[str] = ()) -> Found:
        """Look a phrase up: the entry of the whole phrase, or else those of its words, one for each.

        A word with an apostrophe that has no entry has those of its parts, if all of them are there.

        Args:
            phrase: words in any case and with any signs between them.
            left_out: words in lower case that do not count, unless the whole phrase has an entry.
        """
        if whole := self._first(spellings_of_phrase(phrase)):
            return Found((whole,))
        without = {plain(word) for word in left_out}
        words = [word for word in words_of(phrase) if word.lower() not in without]
        of_words = [self._of_word(word) for word in words]
        missing = [word for word, entries in zip(words, of_words, strict=True) if not entries]
        return Found(tuple(entry for entries in of_words for entry in entries), tuple(missing))

    def mean(self, entries: Sequence[str]) -> Float[np.ndarray, " width"]:
        """Mean of the vectors of some entries, at least one."""
        mean: np.ndarray = np.mean([self.vectors[entry] for entry in entries], axis=0)
        return mean

    def embed(self, phrase: str) -> tuple[Float[np.ndarray, " width"] | None, bool]:
        """Vector of what is known of a phrase, None if nothing is, and whether that is all of it."""
        found = self.find(phrase)
        return (self.mean(found.entries) if found.entries else None), bool(
            found.entries
        ) and not found.missing

    def _of_word(self, word: str) -> list[str]:
        for parts in splits_of_word(word):
            entries = [self._first(spellings_of_word(part)) for part in parts]
            known = [entry for entry in entries if entry is not None]
            if len(known) == len(parts):
                return known
        return []

    def _first(self, spellings: Sequence[str]) -> str | None:
        return next((entry for entry in spellings if entry in self.vectors), None)
