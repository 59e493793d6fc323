"""Segment lists of AudioSet, read at the speed of the disk."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.audioset.remotes import Source
from audiosetzsl.audioset.segment_rows import HEADER_LINES, count_in_header
from audiosetzsl.errors import AudioSetFileError

YTID_LENGTH = 11
_PIECE = 1 << 20
_QUOTE, _NEWLINE = ord('"'), ord("\n")
_FOREIGN = 2  # every head begins with the quote and the line end of the row before it


@dataclass(frozen=True, slots=True)
class SegmentList:
    """One list, still as bytes: label sets are ready to be asked, the rest is parsed for the rows one wants.

    A row is `YTID, start, end, "mid,mid,..."`. Quotes alone cut a list into alternating pieces
    `YTID, start, end, ` and `mid,mid,...`, so the text is never copied or split row by row.
    """

    source: Source
    sha256: str  # of the unpacked list
    pieces: pa.StringArray  # head, labels, head, labels, ... each with leading bytes of its neighbour

    def __len__(self) -> int:
        return len(self.pieces) // 2

    def label_sets(self) -> tuple[np.ndarray, list[str]]:
        """Code of each row's label set, and the label sets (`mid,mid,...`) that the codes stand for.

        Two million rows hold some 52,000 different sets, so whatever is asked of labels is asked of those.
        """
        odd = pa.array(np.arange(1, len(self.pieces), 2, dtype=np.int32))
        coded = self.pieces.take(odd).dictionary_encode()
        return coded.indices.to_numpy(), [text[1:] for text in coded.dictionary.to_pylist()]

    def heads(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Ytid (S11), start and end in seconds of the given rows (0-based)."""
        _, offsets, content = self.pieces.buffers()
        first = np.frombuffer(offsets, np.int32)[2 * rows] + _FOREIGN
        letters = np.frombuffer(content, np.uint8)[first[:, None] + np.arange(YTID_LENGTH, dtype=np.int32)]
        fields = pc.split_pattern(self.pieces.take(pa.array(2 * rows)), ", ")
        start_s, end_s = (pc.list_element(fields, n).cast(pa.float64()).to_numpy() for n in (1, 2))
        return letters.view(f"S{YTID_LENGTH}").ravel(), start_s, end_s


def read_segments(content: bytes, source: Source, sha256: str, path: Path) -> SegmentList:
    """Cut the bytes of a list into pieces; `path` only serves the messages.

    The content must be what AudioSet published (its `sha256` says so) or have passed `segment_rows.check_rows`;
    only what a truncated download breaks is checked here.

    Raises:
        AudioSetFileError: the header is another, or the list ends early.
    """
    n_rows = count_in_header(content, path)
    buffer = np.frombuffer(content, np.uint8)
    start = int(np.flatnonzero(buffer[:4096] == _NEWLINE)[HEADER_LINES - 1]) + 1
    offsets = _positions(buffer, _QUOTE)
    if len(offsets) != 2 * n_rows:
        found = len(offsets) // 2
        raise AudioSetFileError(
            f"{path}, line {HEADER_LINES + found + 1}: the list ends after {found} rows, expected {n_rows} "
            "as its header promises; the file is truncated, fetch it again"
        )
    offsets = np.concatenate([np.array([start - _FOREIGN], np.int32), offsets])
    pieces = pa.StringArray.from_buffers(2 * n_rows, pa.py_buffer(offsets), pa.py_buffer(content))
    return SegmentList(source, sha256, pieces)


def _positions(buffer: np.ndarray, byte: int) -> np.ndarray:
    """Where a byte stands; piece by piece, so that the intermediate stays in the processor's cache."""
    pieces = [
        np.flatnonzero(buffer[start : start + _PIECE] == byte).astype(np.int32) + np.int32(start)
        for start in range(0, len(buffer), _PIECE)
    ]
    return np.concatenate(pieces)
