"""Range file: a file object over byte ranges, for readers that seek."""

import io
from typing import Any

from flows.youtube.byte_ranges import ByteRanges


class RangeFile(io.RawIOBase):
    """Pulls what is read, in chunks, and no more; so many of them are held."""

    def __init__(self, ranges: ByteRanges, chunk: int = 1 << 16, held: int = 64) -> None:
        self._ranges, self._chunk, self._most = ranges, chunk, held
        self._held: dict[int, bytes] = {}
        self._at = 0
        self._broken = False
        self._load(0)

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; nothing is pulled."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise ValueError(f"byte {origin + offset} comes before the file")
        self._at = origin + offset
        return self._at

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` up to the end of a chunk; after an error there is nothing more."""
        number, offset = divmod(self._at, self._chunk)
        if self._broken or self._at >= self._size:
            return 0
        # A demuxer reads on after an error, which it would only hear of twice.
        self._broken = True
        piece = self._load(number)[offset : offset + len(buffer)]
        self._broken = False
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    @property
    def _size(self) -> int:
        return self._ranges.size or 0

    def _load(self, number: int) -> bytes:
        if number not in self._held:
            while len(self._held) >= self._most:
                # The first chunk holds the header, which readers come back to.
                del self._held[next(key for key in self._held if key)]
            self._held[number] = self._ranges.get(number * self._chunk, (number + 1) * self._chunk)
        return self._held[number]
