"""Lists of third parties: a CSV of video ids, states and dates becomes observations, all of it or nothing."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from audiosetzsl.availability.layer import AVAILABILITY, CLOCKS, OWN, YOUTUBE_BEGAN, in_order
from audiosetzsl.clips.standing import Life
from audiosetzsl.errors import ManifestError
from audiosetzsl.manifest import YTID

# Words of such lists, in lower case; docs/availability.md shows this table.
WORDS = {
    Life.ALIVE: ("alive", "available", "ok", "downloaded", "public", "true", "yes", "1"),
    Life.CLOSED: ("closed", "geo", "age", "members", "paid", "drm"),
    Life.GONE: (
        *("dead", "gone", "removed", "deleted", "unavailable", "private", "terminated", "copyright"),
        *("false", "no", "0"),
    ),
    Life.UNKNOWN: ("unknown",),
}
_LIFE = {word: life for life, words in WORDS.items() for word in words}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_COLUMNS = ("ytid", "status", "date")
_SHOWN = 5  # faults that the message lists


def read_list(path: Path, name: str, now: datetime | None = None) -> pa.Table:
    """Read a third party's list as observations, with `name` as their source.

    Raises:
        ManifestError: the name cannot be one, the file is absent or no such table, or lines of it are faulty;
            the message lists the first of them.
    """
    if not _NAME.fullmatch(name) or name == OWN:
        raise ManifestError(
            f"{name!r} cannot name a list, expected letters, digits, dots and dashes, and not {OWN}"
        )
    latest = (now or datetime.now(UTC)) + CLOCKS
    words: dict[tuple[str, datetime], str] = {}
    faults: list[str] = []
    for line, cells in _lines(path):
        try:
            ytid, word, at = _observation(cells, latest)
            held = words.setdefault((ytid, at), word)
            if _LIFE[held] is not _LIFE[word]:
                raise ValueError(f"{ytid} is {word}, and {held} on a line before, at the same time")
        except ValueError as fault:
            faults.append(f"line {line}: {fault}")
    if faults:
        more = f"\n  and {len(faults) - _SHOWN:,} more" if len(faults) > _SHOWN else ""
        listed = "".join(f"\n  {fault}" for fault in faults[:_SHOWN])
        raise ManifestError(f"{path}: nothing was imported, {len(faults):,} lines are faulty:{listed}{more}")
    rows = [
        {"ytid": ytid, "status": str(_LIFE[word]), "reason": word, "checked_at": at, "source": name}
        for (ytid, at), word in words.items()
    ]
    return in_order(pa.Table.from_pylist(rows, AVAILABILITY))


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The three cells of each row that has anything in it, with the number of the line on which it begins."""
    if not path.is_file():
        raise ManifestError(f"{path} does not exist, expected a CSV with the columns {', '.join(_COLUMNS)}")
    begins = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [cell.strip().lower() for cell in next(reader, [])]
            places = _places(header, path)
            begins = reader.line_num + 1
            for cells in reader:
                if any(cell.strip() for cell in cells):
                    padded = [*cells, *[""] * len(header)]
                    yield begins, {column: padded[at].strip() for column, at in places.items()}
                begins = reader.line_num + 1
    except UnicodeDecodeError as problem:
        raise ManifestError(f"{path} is no CSV in UTF-8 ({problem}); save it as one") from problem
    except csv.Error as problem:
        # A quote that is never closed is noticed at the end of the file alone.
        raise ManifestError(
            f"{path} is no CSV: the row that begins on line {begins} cannot be read ({problem}); mend its quotes"
        ) from problem


def _places(header: Sequence[str], path: Path) -> dict[str, int]:
    """Where the three columns stand."""
    absent = [column for column in _COLUMNS if header.count(column) != 1]
    if absent:
        raise ManifestError(
            f"{path}: the first line is {','.join(header)[:100]!r}, expected the columns ytid, status and "
            f"date, each once; {' and '.join(absent)} not so"
        )
    return {column: header.index(column) for column in _COLUMNS}


def _observation(cells: Mapping[str, str], latest: datetime) -> tuple[str, str, datetime]:
    """Video, word and time of one line; ValueError says what is wrong with it."""
    ytid, word = cells["ytid"], cells["status"].lower()
    if not YTID.fullmatch(ytid):
        raise ValueError(f"{ytid[:40]!r} is no video id, expected its eleven characters")
    if word not in _LIFE:
        raise ValueError(f"{word[:40]!r} is no known status, expected one of {', '.join(_LIFE)}")
    try:
        at = datetime.fromisoformat(cells["date"])
    except ValueError:
        raise ValueError(
            f"{cells['date'][:40]!r} is no date, expected YYYY-MM-DD or YYYY-MM-DDTHH:MM"
        ) from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    # Before it is turned into UTC, in which the first and the last moment of the calendar may not exist.
    if not YOUTUBE_BEGAN <= at <= latest:
        raise ValueError(f"{cells['date']} is before there was YouTube or still to come")
    at = at.astimezone(UTC)
    return ytid, word, at.replace(microsecond=at.microsecond // 1000 * 1000)  # the layer keeps milliseconds
