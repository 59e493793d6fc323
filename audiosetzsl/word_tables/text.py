"""Text tables: word2vec and fastText (a header, then a word a line), GloVe (no header, blanks within words)."""

from codecs import BOM_UTF8
from collections.abc import Collection
from pathlib import Path

import numpy as np

from audiosetzsl.errors import SetupError
from audiosetzsl.word_tables.layout import SNIFFED, Layout, is_number, layout_of
from audiosetzsl.word_tables.opening import checked, opened
from audiosetzsl.word_tables.table import WordTable


def read_text(path: Path, wanted: Collection[str]) -> WordTable:
    """Read the entries that are wanted; of an entry that stands twice, the first.

    Reading ends with the last of them. Other lines are passed over undecoded and unchecked.

    Raises:
        SetupError: a row that is wanted is damaged, or may be cut short; the message names its line.
    """
    sought = {word.encode(): word for word in wanted}
    vectors: dict[str, np.ndarray] = {}
    number, line = 0, b"\n"
    with opened(path) as lines:
        head = lines.read(SNIFFED)
        layout = layout_of(head.removeprefix(BOM_UTF8), path)
        end_of_word = layout.end_of_word
        firsts = {entry.split(end_of_word)[0] for entry in sought}
        lines.seek(len(BOM_UTF8) if head.startswith(BOM_UTF8) else 0)
        for number, written in enumerate(lines, start=1):
            line = written.lstrip()  # some writers set blanks before the word
            if line[: line.find(end_of_word)] not in firsts or (number == 1 and layout.n_words is not None):
                continue
            entry, vector = _row(line, layout.width, sought, f"{path}, line {number}")
            if entry is not None:
                _check_end(line, number, layout, path)
                vectors.setdefault(entry, vector)
                if len(vectors) == len(sought):
                    return WordTable(vectors)
    return WordTable(vectors, remark=_remark(layout, number, line))


def _row(line: bytes, width: int, sought: dict[bytes, str], where: str) -> tuple[str | None, np.ndarray]:
    """Entry and vector of a row; None where its entry is another that begins with the same word."""
    word, *numbers = line.rsplit(None, width)  # from the right, as a word may hold blanks
    first, *more = word.split()
    n_numbers = len(numbers) + (len(more) if all(map(is_number, more)) else 0)
    if n_numbers != width:
        raise SetupError(
            f"{where}: {n_numbers} numbers, expected {width}; the table is damaged or no table of word vectors"
        )
    if word not in sought:
        return None, np.empty(0)
    if wrong := [part.decode(errors="replace") for part in numbers if not is_number(part)]:
        raise SetupError(
            f"{where}: {wrong[0]!r} is no number, expected {width} of them; fetch the table again"
        )
    return sought[word], checked(np.array(numbers, np.float64), f"{where} ({first.decode(errors='replace')})")


def _check_end(line: bytes, number: int, layout: Layout, path: Path) -> None:
    """Refuse a row that nothing ends where more should follow: its last number may be cut short."""
    if not line.endswith(b"\n") and layout.n_words is not None and number <= layout.n_words:
        raise SetupError(
            f"{path} breaks off in line {number}, but line 1 announces {layout.n_words} words; fetch it again"
        )


def _remark(layout: Layout, n_lines: int, last: bytes) -> str:
    if layout.n_words is not None and n_lines - 1 != layout.n_words:
        return f"its first line announces {layout.n_words} words, and it holds {n_lines - 1}"
    if n_lines and len(last.split()) <= layout.width:
        return f"it breaks off in line {n_lines}"
    return ""
