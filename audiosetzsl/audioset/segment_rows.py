"""Rules for the rows of a segment list, checked one by one where a list is not AudioSet's own."""

import re
from collections.abc import Container
from pathlib import Path

from audiosetzsl.errors import AudioSetFileError

HEADER_LINES = 3
_COLUMNS = "# YTID, start_seconds, end_seconds, positive_labels"
_COUNT = re.compile(r"num_segs=(\d+)")
_ROW = re.compile(r'([A-Za-z0-9_-]{11}), (\d+\.\d{3}), (\d+\.\d{3}), "([^",]+(?:,[^",]+)*)"')
_AGAIN = "fetch the list again"


def count_in_header(content: bytes, path: Path) -> int:
    """How many rows the three header lines promise.

    Raises:
        AudioSetFileError: the header is not that of a segment list.
    """
    lines = content[:4096].decode("utf-8", "replace").split("\n")
    count = _COUNT.search(lines[1]) if len(lines) > 1 else None
    if count is None:
        found = lines[1] if len(lines) > 1 else "the end of the file"
        raise AudioSetFileError(
            f"{path}, line 2: found {found[:80]!r}, expected '# ..., num_segs=N, ...'; {_AGAIN}"
        )
    if len(lines) <= HEADER_LINES or lines[2] != _COLUMNS:
        found = lines[2] if len(lines) > 2 else "the end of the file"
        raise AudioSetFileError(
            f"{path}, line 3: found {found[:80]!r}, expected {_COLUMNS!r}: columns differ or the list is cut"
        )
    return int(count.group(1))


def check_rows(content: bytes, path: Path, labels: Container[str]) -> None:
    """Hold every row to its form, the lists to their order and the labels to `labels`.

    Raises:
        AudioSetFileError: names the first line that breaks a rule, what was found and what was expected.
    """
    promised = count_in_header(content, path)
    rows = content.decode("utf-8", "replace").removesuffix("\n").split("\n")[HEADER_LINES:]
    before = ""
    for line, text in enumerate(rows, start=HEADER_LINES + 1):
        found = _ROW.fullmatch(text)
        if found is None:
            raise AudioSetFileError(
                f"{path}, line {line}: found {text[:80]!r}, "
                f"""expected 'YTID, start.000, end.000, "mid,mid,..."'; {_AGAIN}"""
            )
        ytid, start, end, mids = found.groups()
        if ytid <= before:
            raise AudioSetFileError(
                f"{path}, line {line}: ytid {ytid} stands after {before}, expected ascending ids, each once; "
                f"the list was re-ordered, {_AGAIN}"
            )
        if float(end) <= float(start):
            raise AudioSetFileError(f"{path}, line {line}: ends at {end}, expected later than {start}")
        for mid in mids.split(","):
            if mid not in labels:
                raise AudioSetFileError(
                    f"{path}, line {line}: label {mid!r} is not in class_labels_indices.csv, "
                    "expected one of its mids"
                )
        before = ytid
    if len(rows) != promised:
        raise AudioSetFileError(
            f"{path}, line {HEADER_LINES + len(rows)}: the list ends after {len(rows)} rows, "
            f"its header promises {promised}; it is truncated or was cut, {_AGAIN}"
        )
