"""Official release: the authors' own lists of AudioSetZSL, joined row by row with AudioSet's."""

import re
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audiosetzsl.building.candidates import Candidates
from audiosetzsl.building.splits import Split, SplitRule
from audiosetzsl.classes import ClassList
from audiosetzsl.errors import ManifestError

FOLDERS = {"trn": Split.TRAIN, "val": Split.VAL, "tst": Split.TEST}
_ROW = re.compile(r"(\d+), ([A-Za-z0-9_-]{11}), (\d+\.\d{3}), (\d+\.\d{3}), (\S+(?:, \S+)*)")


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """One line of the authors' lists, as it stands."""

    file: str
    line: int
    text: str
    split: Split
    class_name: str


@dataclass(frozen=True, slots=True)
class Misfit:
    """A row of the release that fits no candidate, and why."""

    row: ReleaseRow
    problem: str


def read_release(location: str, classes: ClassList) -> list[ReleaseRow]:
    """Read the release from a folder or an address: `youtube-id/{trn,val,tst}/<class>.txt`, `class-split/`.

    Raises:
        ManifestError: nothing is there, it cannot be reached, or its seen classes are not those of `classes`.
    """
    rows = [
        ReleaseRow(file, line, text.strip(), split, name)
        for folder, split in FOLDERS.items()
        for name in classes.names
        for file in [f"youtube-id/{folder}/{name}.txt"]
        for line, text in enumerate((_read(location, file) or "").splitlines(), start=1)
        if text.strip()
    ]
    if not rows:
        raise ManifestError(
            f"{location} holds no list of any class, expected youtube-id/{{trn,val,tst}}/<class>.txt"
        )
    for kind, seen in (("seen", True), ("unseen", False)):
        theirs = _names(_read(location, f"class-split/{kind}_class.txt"))
        ours = {c.name for c in classes if c.seen is seen}
        if theirs and theirs != ours:
            raise ManifestError(
                f"{location}/class-split/{kind}_class.txt differs from the class list in "
                f"{', '.join(sorted(theirs ^ ours))}; use the class list that the release was made with"
            )
    return rows


def by_release(rows: list[ReleaseRow], classes: ClassList, misfits: list[Misfit]) -> SplitRule:
    """Take each segment's split from the release; every row that does not fit is added to `misfits`."""

    def rule(candidates: Candidates, kept: np.ndarray) -> np.ndarray:
        place = {ytid.decode(): n for n, ytid in enumerate(candidates.ytid[kept].tolist())}
        splits = np.full(len(kept), None, object)
        for row in rows:
            found = _ROW.fullmatch(row.text)
            number = place.get(found.group(2)) if found else None
            if found is None:
                problem = "malformed, expected 'line, ytid, start, end, mid, mid...'"
            elif number is None:
                problem = "its ytid is no candidate: not in AudioSet's lists, or left out by the rules"
            elif splits[number] is not None:
                problem = f"listed before, in {splits[number]}"
            else:
                problem = _difference(row, found, candidates, int(kept[number]), classes)
            if problem:
                misfits.append(Misfit(row, problem))
            else:
                splits[number] = row.split.value
        return splits

    return rule


def _difference(
    row: ReleaseRow, found: re.Match[str], candidates: Candidates, at: int, classes: ClassList
) -> str:
    """What a row of the release says otherwise than AudioSet; empty if nothing."""
    line, _, start, end, mids = found.groups()
    theirs = (row.class_name, float(start), float(end), mids.replace(", ", ","), int(line))
    ours = (
        classes.names[candidates.class_index[at]],
        float(candidates.start_s[at]),
        float(candidates.end_s[at]),
        candidates.mids[at].as_py(),
        int(candidates.line[at]),
    )
    for what, their, our in zip(("class", "start", "end", "labels", "line"), theirs, ours, strict=True):
        if their != our:
            return f"its {what} is {their}, AudioSet says {our}"
    return ""


def _names(text: str | None) -> set[str]:
    """Class names of a class-split file: one a line, in quotes, with a comma."""
    return {line.strip().strip(",'\"") for line in (text or "").splitlines()} - {""}


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
