"""Official release: the authors' own lists of AudioSetZSL, joined row by row with AudioSet's."""

import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audiosetzsl.candidates import Candidates
from audiosetzsl.classes import ClassList
from audiosetzsl.errors import ManifestError
from audiosetzsl.splits import Split, SplitRule

FOLDERS = {"trn": Split.TRAIN, "val": Split.VAL, "tst": Split.TEST}
_ROW = re.compile(r"(\d+), ([A-Za-z0-9_-]{11}), (\d+\.\d{3}), (\d+\.\d{3}), (\S+(?:, \S+)*)")


@dataclass(frozen=True, slots=True)
class Misfit:
    """A row of the release that does not fit AudioSet's lists or the class list, and why."""

    file: str
    line: int
    row: str
    problem: str


@dataclass(frozen=True, slots=True)
class _Row:
    file: str
    line: int
    text: str
    split: Split
    class_name: str


class Release:
    """The authors' lists, read from a folder or an address as they stand; after a join, `misfits` is complete."""

    def __init__(self, location: str, classes: ClassList) -> None:
        self.misfits: list[Misfit] = []
        self._classes = classes
        self._rows = list(_rows(location, classes))
        if not self._rows:
            raise ManifestError(
                f"{location} holds no list of any class, expected youtube-id/{{trn,val,tst}}/<class>.txt"
            )
        _check_class_split(location, classes)

    def rule(self) -> SplitRule:
        """Take the split of each segment from the release; segments that it does not list have none."""
        return self._join

    def _join(self, candidates: Candidates, rows: np.ndarray) -> np.ndarray:
        ytids = candidates.ytid[rows].tolist()
        place = {ytid.decode(): number for number, ytid in enumerate(ytids)}
        splits = np.full(len(rows), None, object)
        for row in self._rows:
            problem = self._place(row, candidates, rows, place, splits)
            if problem:
                self.misfits.append(Misfit(row.file, row.line, row.text, problem))
        return splits

    def _place(
        self, row: _Row, candidates: Candidates, rows: np.ndarray, place: dict[str, int], splits: np.ndarray
    ) -> str:
        found = _ROW.fullmatch(row.text)
        if found is None:
            return "malformed, expected 'line, ytid, start, end, mid, mid...'"
        line, ytid, start, end, mids = found.groups()
        number = place.get(ytid)
        if number is None:
            return "its ytid is no candidate: not in AudioSet's lists, or left out by the rules"
        at = rows[number]
        class_name = self._classes.names[candidates.class_index[at]]
        facts = {
            "start": (float(start), candidates.start_s[at]),
            "end": (float(end), candidates.end_s[at]),
            "class": (row.class_name, class_name),
            "labels": (mids.replace(", ", ","), candidates.mids[int(at)].as_py()),
            "line": (int(line), int(candidates.line[at])),
        }
        for what, (theirs, ours) in facts.items():
            if theirs != ours:
                return f"its {what} is {theirs}, AudioSet says {ours}"
        if splits[number] is not None:
            return f"listed before, in {splits[number]}"
        splits[number] = row.split.value
        return ""


def _rows(location: str, classes: ClassList) -> Iterator[_Row]:
    for folder, split in FOLDERS.items():
        for name in classes.names:
            file = f"youtube-id/{folder}/{name}.txt"
            text = _read(location, file)
            for line, row in enumerate((text or "").splitlines(), start=1):
                if row.strip():
                    yield _Row(file, line, row.strip(), split, name)


def _check_class_split(location: str, classes: ClassList) -> None:
    for kind, seen in (("seen", True), ("unseen", False)):
        text = _read(location, f"class-split/{kind}_class.txt")
        if text is None:
            continue
        theirs = {line.strip().strip(",'\"") for line in text.splitlines()} - {""}
        ours = {c.name for c in classes if c.seen is seen}
        if theirs != ours:
            raise ManifestError(
                f"{location}/class-split/{kind}_class.txt differs from the class list in "
                f"{sorted(theirs ^ ours)}; use the class list that the release was made with"
            )


def _read(location: str, file: str) -> str | None:
    """Text of a file of the release, or None where there is none."""
    if not location.startswith(("https://", "http://")):
        path = Path(location) / file
        return path.read_text("utf-8") if path.is_file() else None
    try:
        with urllib.request.urlopen(f"{location.rstrip('/')}/{file}", timeout=60) as answer:
            content: bytes = answer.read()
            return content.decode()
    except urllib.error.HTTPError as problem:
        if problem.code == 404:
            return None
        raise ManifestError(f"{problem.url} answered {problem.code}; try again later") from problem
    except urllib.error.URLError as problem:
        raise ManifestError(
            f"{location} cannot be reached ({problem.reason}); check the address"
        ) from problem
