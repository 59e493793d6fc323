"""Binary tables of word2vec: a header, then words, each with a blank and its float32 numbers."""

from collections.abc import Collection
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from audiosetzsl.errors import SetupError
from audiosetzsl.word_tables.layout import MAX_HEADER, header_of
from audiosetzsl.word_tables.opening import checked, is_packed, opened
from audiosetzsl.word_tables.table import WordTable

CHUNK = 1 << 18  # bytes at a time; with 1 MB each is a mapping of its own, which takes twice the time
MAX_WORD = 10_000  # bytes; where no blank comes for longer, the bytes are no table
_FLOAT = np.dtype("<f4")


def read_binary(path: Path, wanted: Collection[str]) -> WordTable:
    """Read the entries that are wanted; of an entry that stands twice, the first.

    Reading ends with the last of them. Rows have no index, so the file is walked from word to word.

    Raises:
        SetupError: the file breaks off, goes on after its last word, or holds a vector that is not finite; the
            message names the byte.
    """
    with opened(path) as file:
        line = file.readline(MAX_HEADER)
        header = header_of(line)
        if header is None:
            raise SetupError(
                f"{path} begins with {line[:40]!r}, expected the numbers of words and of dimensions"
            )
        if not is_packed(path):
            _check_size(path, len(line), *header)
        return WordTable(_walk(file, path, len(line), header, wanted))


def _walk(
    file: BufferedIOBase, path: Path, begin: int, header: tuple[int, int], wanted: Collection[str]
) -> dict[str, np.ndarray]:
    """Go from word to word; a row is passed over without a look at its numbers."""
    n_words, width = header
    row = 1 + width * _FLOAT.itemsize  # the blank and the numbers
    # Some writers end rows with a line break, which then stands before the next word; both are looked for.
    sought = {lead + word.encode(): word for word in wanted for lead in (b"", b"\n")}
    vectors: dict[str, np.ndarray] = {}
    buffer, at, number = b"", 0, 0
    while number < n_words and len(vectors) < len(wanted):
        more = file.read(CHUNK + row)
        begin += at
        buffer, at = buffer[at:] + more, 0
        last = len(buffer) - row
        find = buffer.find
        while number < n_words:
            end = find(b" ", at)
            if not 0 <= end <= last:
                break
            if (word := buffer[at:end]) in sought:
                entry = sought[word]
                vector = np.frombuffer(buffer, _FLOAT, width, end + 1)
                vectors.setdefault(entry, checked(vector, f"{path}, byte {begin + end + 1} ({entry})"))
            at = end + row
            number += 1
        _check_going_on(path, begin + at, number, n_words, bool(more), len(buffer) - at - row)
    if number == n_words and (rest := (buffer[at:] + file.read(2)).strip(b"\n")):
        raise SetupError(
            f"{path}, byte {begin + at}: {len(rest)} and more bytes follow the last of {n_words} words; the table "
            "is damaged, fetch it again"
        )
    return vectors


def _check_going_on(path: Path, byte: int, number: int, n_words: int, more: bool, n_waiting: int) -> None:
    """Refuse a walk that has nothing to go on with."""
    if number < n_words and not more:
        raise SetupError(
            f"{path} breaks off in word {number + 1} of {n_words}, at byte {byte}; fetch it again"
        )
    if number < n_words and n_waiting > MAX_WORD:
        raise SetupError(
            f"{path}, byte {byte}: no blank ends word {number + 1}; the table is damaged, fetch it again"
        )


def _check_size(path: Path, begin: int, n_words: int, width: int) -> None:
    """Refuse at once what is too short for its header, before what is wanted is found in the part that is there."""
    least = begin + n_words * (2 + width * _FLOAT.itemsize)  # words of one letter
    if (size := path.stat().st_size) < least:
        raise SetupError(
            f"{path} breaks off: {size} bytes, but {n_words} words of {width} numbers need {least} or more; "
            "fetch it again"
        )
