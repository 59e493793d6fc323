"""Layout of text tables: whether there is a header, how many numbers a row has, and what ends its word."""

import re
from collections import Counter
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from audiosetzsl.errors import SetupError
from audiosetzsl.word_tables.opening import MAX_WIDTH

MAX_HEADER = 100  # bytes
SNIFFED = 1 << 20  # bytes at the front by which a table is judged
_ROWS = 100  # of these, as most: a single row may be damaged
# Not float(), which takes `nan`, `infinity` and `1_000` too: these are words.
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


@dataclass(frozen=True, slots=True)
class Layout:
    """Words that the header announces, None without one; numbers in a row; what ends its word."""

    n_words: int | None
    width: int
    end_of_word: bytes = b" "  # or a tab: then a word may hold blanks


def header_of(line: bytes) -> tuple[int, int] | None:
    """Number of words and of numbers a word, if the first line of a word2vec table says them."""
    parts = line[:MAX_HEADER].split()
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        return None
    n_words, width = map(int, parts)
    return (n_words, width) if 1 < width <= MAX_WIDTH else None


def is_number(text: bytes) -> bool:
    """Whether a text is a finite number, as a table writes it."""
    return _NUMBER.fullmatch(text) is not None


def numbers_at_end(line: bytes) -> int:
    """How many numbers a row ends in, not counting its first part, which is the word or begins it."""
    return sum(1 for _ in takewhile(is_number, reversed(line.split()[1:])))


def layout_of(head: bytes, path: Path) -> Layout:
    """How the rows are laid out, by the first bytes of a table; without a header the width is that of most rows.

    Raises:
        SetupError: no row is a word and numbers, or none has the width that the header says.
    """
    lines = head.split(b"\n")
    if len(head) == SNIFFED:
        lines.pop()  # cut within
    header = header_of(lines[0])
    rows = [line for line in lines[header is not None :][:_ROWS] if line.strip()]
    widths = Counter(map(numbers_at_end, rows))
    usual = max(widths, key=lambda width: (widths[width], width), default=0)
    if rows and max(widths) < 2:
        raise SetupError(
            f"{path} begins with {head[:40]!r}, and none of its first lines is a word with two numbers or more, "
            "with blanks or tabs between them; it is no table of word vectors, or damaged"
        )
    if header is not None and widths and header[1] not in widths:
        raise SetupError(
            f"{path}, line 1 announces {header[1]} numbers a word, but the rows after it have {usual}; "
            "the table is damaged, fetch it again"
        )
    n_words, width = header or (None, max(usual, 2))
    n_tabbed = sum(b"\t" in row.strip() for row in rows)
    return Layout(n_words, width, b"\t" if 2 * n_tabbed > len(rows) else b" ")
