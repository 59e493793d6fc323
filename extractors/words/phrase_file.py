"""Phrase files: the words that stand for each name, as TOML or CSV.

TOML: `church-bell = "church bell"`, or a list where several phrases stand for a name: `panther = ["lion", "tiger"]`.
CSV: a header `name,phrase`, then a line for each phrase; a name may have several lines.
"""

import csv
import io
import tomllib
from pathlib import Path

from audiosetzsl.errors import SetupError
from audiosetzsl.word_tables.spelling import words_of

HEADER = ["name", "phrase"]
_FORMS = {
    ".toml": 'name = "phrase" or name = ["phrase", ...]',
    ".csv": "the header name,phrase and two values a line",
}


def read_phrases(path: Path) -> dict[str, tuple[str, ...]]:
    """Phrases by name, in the order of the file.

    Raises:
        SetupError: the file is absent, neither TOML nor CSV of that form, or holds a phrase without a word.
    """
    if path.suffix not in _FORMS or not path.is_file():
        raise SetupError(f"{path} is no .toml or .csv file; --phrases needs one with a phrase for each class")
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets write a mark in front
        phrases = _from_toml(text) if path.suffix == ".toml" else _from_csv(text)
    except ValueError as problem:  # TOMLDecodeError and UnicodeDecodeError are some too
        raise SetupError(f"{path}: {problem}; expected {_FORMS[path.suffix]}") from problem
    for name, some in phrases.items():
        if not some or not all(words_of(phrase) for phrase in some):
            raise SetupError(f"{path}: {name} has a phrase without a word, or none; write one or take it out")
    return phrases


def _from_toml(text: str) -> dict[str, tuple[str, ...]]:
    phrases = {}
    for name, value in tomllib.loads(text).items():
        some = [value] if isinstance(value, str) else value
        if not isinstance(some, list) or not all(isinstance(phrase, str) for phrase in some):
            raise ValueError(f"{name} is {value!r}")
        phrases[name] = tuple(some)
    return phrases


def _from_csv(text: str) -> dict[str, tuple[str, ...]]:
    rows = csv.reader(io.StringIO(text), strict=True)
    try:
        header = next(rows, [])
        if header != HEADER:
            raise ValueError(f"the header is {','.join(header)!r}")
        phrases: dict[str, tuple[str, ...]] = {}
        for row in rows:
            if row and len(row) != len(HEADER):
                raise ValueError(f"line {rows.line_num} has {len(row)} values")
            if row:
                phrases[row[0]] = (*phrases.get(row[0], ()), row[1])
    except csv.Error as problem:
        raise ValueError(f"line {rows.line_num}: {problem}") from problem
    return phrases
