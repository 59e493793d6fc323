"""Candidates: the rows of AudioSet's lists that carry at least one of the classes."""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from audiosetzsl.audioset.remotes import LISTS, Source, content_of, path_of
from audiosetzsl.audioset.segment_rows import HEADER_LINES, check_rows
from audiosetzsl.audioset.segments import SegmentList, read_segments
from audiosetzsl.building.labels import judge
from audiosetzsl.classes import ClassList
from audiosetzsl.errors import AudioSetFileError


@dataclass(frozen=True, slots=True)
class Candidates:
    """Columns of the candidates, ordered by ytid, and how many rows they were found in."""

    n_rows: int
    digests: dict[str, str]  # of each list, unpacked
    ytid: np.ndarray  # bytes S11
    start_s: np.ndarray
    end_s: np.ndarray
    source: np.ndarray  # object, values of Source
    line: np.ndarray  # int32, 1-based, the three header lines counted
    mids: pa.StringArray  # "mid,mid,..."
    n_classes: np.ndarray
    class_index: np.ndarray  # the only class where n_classes is 1
    excluded: np.ndarray  # bool: carries a label that the class list excludes

    def __len__(self) -> int:
        return len(self.ytid)


def read_list(
    directory: Path, source: Source, labels: Collection[str], *, any_lists: bool = False
) -> SegmentList:
    """Read one of AudioSet's lists; one that is not byte for byte AudioSet's is checked row by row.

    Raises:
        AudioSetFileError: a row breaks a rule (file, line, found, expected), or the list is well-formed
            but not AudioSet's and `any_lists` is off.
    """
    path = path_of(directory, LISTS[source])
    content = content_of(path)
    sha256 = hashlib.sha256(content).hexdigest()
    if sha256 != LISTS[source].sha256:
        check_rows(content, path, labels)
        if not any_lists:
            raise AudioSetFileError(
                f"{path}: its rows are well-formed, but it is not the list that AudioSet published (expected "
                f"sha256 {LISTS[source].sha256}); fetch it again, or pass --any-lists to use your own"
            )
    return read_segments(content, source, sha256, path)


def find_candidates(lists: Mapping[Source, SegmentList], classes: ClassList) -> Candidates:
    """Take the rows that carry at least one of the classes, from all lists, in the order of their ytids.

    Raises:
        AudioSetFileError: a video stands in two lists; then it could end up in two splits.
    """
    found = [_candidates_of(source, segments, classes) for source, segments in sorted(lists.items())]
    columns = [np.concatenate(parts) for parts in zip(*(arrays for arrays, _ in found), strict=True)]
    mids = pa.concat_arrays([mids for _, mids in found])
    order = np.argsort(columns[0], kind="stable")
    ytid, start_s, end_s, source, line, n_classes, class_index, excluded = (c[order] for c in columns)
    again = np.flatnonzero(ytid[1:] == ytid[:-1])
    if len(again):
        raise AudioSetFileError(
            f"ytid {ytid[again[0]].decode()} stands in the lists {source[again[0]]} (line {line[again[0]]}) and "
            f"{source[again[0] + 1]} (line {line[again[0] + 1]}), expected each video once in all of AudioSet"
        )
    return Candidates(
        sum(len(segments) for segments in lists.values()),
        {source.value: segments.sha256 for source, segments in lists.items()},
        ytid,
        start_s,
        end_s,
        source,
        line,
        mids.take(pa.array(order)),
        n_classes,
        class_index,
        excluded,
    )


def _candidates_of(
    source: Source, segments: SegmentList, classes: ClassList
) -> tuple[tuple[np.ndarray, ...], pa.StringArray]:
    codes, label_sets = segments.label_sets()
    verdicts = judge(label_sets, classes)
    rows = np.flatnonzero(verdicts.n_classes[codes])
    ytid, start_s, end_s = segments.heads(rows)
    line = (rows + HEADER_LINES + 1).astype(np.int32)
    sets = codes[rows]
    columns = (
        ytid,
        start_s,
        end_s,
        np.full(len(rows), source.value, object),
        line,
        verdicts.n_classes[sets],
        verdicts.class_index[sets],
        verdicts.excluded[sets],
    )
    return columns, pa.array(label_sets, pa.string()).take(pa.array(sets))
