"""Text tables: word2vec and fastText (a header, then a word a line), GloVe (no header, blanks within words)."""

from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import numpy as np

from audiosetzsl.errors import SetupError
from audiosetzsl.word_tables.opening import MAX_WIDTH, checked, opened
from audiosetzsl.word_tables.table import WordTable

MAX_HEADER = 100  # bytes
SNIFFED = 1 << 20  # bytes at the front by which a table is judged
_ROWS = 100  # of these, as most: a single row may be damaged
_ENDS = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Layout:
    """Words that the header announces, None without one; numbers in a row."""

    n_words: int | None
    width: int


def header_of(line: bytes) -> tuple[int, int] | None:
    """Number of words and of numbers a word, if the first line of a word2vec table says them."""
    parts = line[:MAX_HEADER].split()
    if len(parts) != 2 or not all(part.isdigit() for part in parts):
        return None
    n_words, width = map(int, parts)
    return (n_words, width) if 1 < width <= MAX_WIDTH else None


def is_number(text: bytes) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def numbers_at_end(line: bytes) -> int:
    """How many numbers a row ends in, not counting its first part, which is the word or begins it."""
    parts = line.rstrip(_ENDS).split(b" ")
    return sum(1 for _ in takewhile(is_number, reversed(parts[1:])))


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
            f"{path} begins with {head[:40]!r}, and none of its first lines is a word with two numbers or more; "
            "it is no table of word vectors, or damaged"
        )
    if header is None:
        return Layout(None, max(usual, 2))
    if widths and header[1] not in widths:
        raise SetupError(
            f"{path}, line 1 announces {header[1]} numbers a word, but the rows after it have {usual}; "
            "the table is damaged, fetch it again"
        )
    return Layout(*header)


def read_text(path: Path, wanted: Collection[str]) -> WordTable:
    """Read the entries that are wanted; of an entry that stands twice, the first.

    Reading ends with the last of them. Other lines are passed over undecoded and unchecked.

    Raises:
        SetupError: a row that is wanted is damaged; the message names its line.
    """
    sought = {word.encode(): word for word in wanted}
    firsts = {entry.split(b" ")[0] for entry in sought}
    vectors: dict[str, np.ndarray] = {}
    number, line = 0, b"\n"
    with opened(path) as lines:
        head = lines.read(SNIFFED)
        layout = layout_of(head.removeprefix(BOM_UTF8), path)
        lines.seek(len(BOM_UTF8) if head.startswith(BOM_UTF8) else 0)
        for number, line in enumerate(lines, start=1):
            if line[: line.find(b" ")] not in firsts or (number == 1 and layout.n_words is not None):
                continue
            entry, vector = _row(line, layout.width, sought, f"{path}, line {number}")
            if entry is not None:
                vectors.setdefault(entry, vector)
                if len(vectors) == len(sought):
                    return WordTable(vectors)
    return WordTable(vectors, remark=_remark(layout, number, line))


def _row(line: bytes, width: int, sought: dict[bytes, str], where: str) -> tuple[str | None, np.ndarray]:
    """Entry and vector of a row; None where its entry is another that begins with the same word."""
    parts = line.rstrip(_ENDS).rsplit(b" ", width)  # from the right, as a word may hold blanks
    first, *more = parts[0].split(b" ")
    n_numbers = len(parts) - 1 + (len(more) if all(map(is_number, more)) else 0)
    if n_numbers != width:
        raise SetupError(
            f"{where}: {n_numbers} numbers, expected {width}; the table is damaged or no table of word vectors"
        )
    if parts[0] not in sought:
        return None, np.empty(0)
    try:
        numbers = np.array(parts[1:], np.float64)
    except ValueError as problem:
        raise SetupError(
            f"{where}: {problem}, expected a word and numbers; fetch the table again"
        ) from problem
    return sought[parts[0]], checked(numbers, f"{where} ({first.decode(errors='replace')})")


def _remark(layout: Layout, n_lines: int, last: bytes) -> str:
    if layout.n_words is not None and n_lines - 1 != layout.n_words:
        return f"its first line announces {layout.n_words} words, and it holds {n_lines - 1}"
    if n_lines and len(last.rstrip(_ENDS).split(b" ")) <= layout.width:
        return f"it breaks off in line {n_lines}"
    return ""
