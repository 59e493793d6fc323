"""Duplicates: clips that show what a clip fetched earlier shows already, found without comparing all pairs."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from jaxtyping import Int, Integer, UInt64

from audiosetzsl.clips.flags import Flag
from audiosetzsl.clips.ledger import FINGERPRINT_BYTES

# Two clips whose fingerprints differ by no more bits show the same; measured in extractors/media/fingerprint.py.
MAX_DISTANCE_BITS = 32
# Columns of the ledger that duplicates are found by.
DUPLICATE_COLUMNS = ("segment_id", "at", "sha256", "fingerprint", "flags")
# Bits of neighbouring places are alike (black borders, sky), so each band takes its bits from all over.
_SHUFFLED = np.random.default_rng(0).permutation(8 * FINGERPRINT_BYTES)
_MIN_BANDS = 16  # so that a band fits 16 bits


def find_duplicates(clips: pa.Table, max_distance: int = MAX_DISTANCE_BITS) -> dict[str, str]:
    """For each clip that repeats one fetched earlier, name the earliest that it repeats.

    Alike are the same bytes, or two pictures whose fingerprints differ by at most `max_distance` bits. The
    picture of a clip that stands still is not compared: under one cover there may be many songs. Whether a clip
    repeats another depends on earlier clips only, so no flag changes when more are fetched.

    Args:
        clips: the row of each clip, with DUPLICATE_COLUMNS.
        max_distance: in bits of the fingerprint.
    """
    clips = clips.select(DUPLICATE_COLUMNS).sort_by([("at", "ascending"), ("segment_id", "ascending")])
    earliest = np.minimum(_same_bytes(clips["sha256"]), _same_picture(clips, max_distance))
    names = clips["segment_id"].to_pylist()
    repeats = np.flatnonzero(earliest < np.arange(len(names)))
    return {names[at]: names[earliest[at]] for at in repeats}


def _same_bytes(digests: pa.ChunkedArray) -> Int[np.ndarray, " n"]:
    """Place of the first clip with the same digest as each."""
    encoded = digests.combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    known, places = np.flatnonzero(codes >= 0), np.arange(len(codes))
    _, first = np.unique(codes[known], return_index=True)  # codes are 0, 1, ... without a gap
    places[known] = known[first][codes[known]]
    return places


def _same_picture(clips: pa.Table, max_distance: int) -> Int[np.ndarray, " n"]:
    """Place of the first clip whose picture is that of each."""
    places = np.arange(len(clips))
    moving = np.array([Flag.STILL not in flags for flags in clips["flags"].to_pylist()], dtype=bool)
    there = clips["fingerprint"].is_valid().to_numpy()
    compared = np.flatnonzero(moving & there)
    # Codes are given in order of first appearance: the smaller code is the earlier picture.
    encoded = clips["fingerprint"].combine_chunks().take(pa.array(compared)).dictionary_encode()
    codes = encoded.indices.to_numpy()
    words = np.frombuffer(b"".join(encoded.dictionary.to_pylist()), np.uint64).reshape(-1, 4)
    nearest = np.arange(len(words))
    for a, b in near_pairs(words, max_distance):
        np.minimum.at(nearest, np.maximum(a, b), np.minimum(a, b))
    _, first = np.unique(codes, return_index=True)
    places[compared] = compared[first][nearest[codes]]
    return places


def near_pairs(
    words: UInt64[np.ndarray, "n 4"], max_distance: int
) -> Iterator[tuple[Int[np.ndarray, " m"], Int[np.ndarray, " m"]]]:
    """Pairs of rows that differ by at most `max_distance` bits, some of them more than once.

    The bits are dealt into so many bands that such a pair differs by one bit at most in one of them. So in
    each band a row is compared with those that are equal there, and with those that differ there by one bit.
    """
    bits = np.unpackbits(words.view(np.uint8), axis=1)[:, _SHUFFLED]
    for band in np.array_split(bits, max(max_distance // 2 + 1, _MIN_BANDS), axis=1):
        powers = np.uint16(1) << np.arange(band.shape[1], dtype=np.uint16)
        keys = (band * powers).sum(axis=1, dtype=np.uint16)
        order = np.argsort(keys, kind="stable")
        keys, columns = keys[order], list(np.ascontiguousarray(words[order].T))
        ends = np.cumsum(np.bincount(keys, minlength=1 << 8 * keys.itemsize))
        starts = np.concatenate([[0], ends[:-1]])
        at = np.arange(len(keys))
        for a, b in _near_in(columns, at, at + 1, ends[keys], max_distance):
            yield order[a], order[b]
        for power in powers:
            low = at[keys & power == 0]
            other = keys[low] | power
            for a, b in _near_in(columns, low, starts[other], ends[other], max_distance):
                yield order[a], order[b]


def _near_in(
    columns: Sequence[UInt64[np.ndarray, " n"]],
    at: Int[np.ndarray, " k"],
    other: Int[np.ndarray, " k"],
    end: Int[np.ndarray, " k"],
    max_distance: int,
) -> Iterator[tuple[Int[np.ndarray, " m"], Int[np.ndarray, " m"]]]:
    """Compare each row `at` with the rows from `other` up to `end`, and give the pairs that are near."""
    while len(at):
        going = other < end
        at, other, end = at[going], other[going], end[going]
        a, b, distance = at, other, np.zeros(len(at), np.int16)
        for column in columns:  # most pairs that meet by chance are too far apart after one or two
            distance = distance + _ones(column[a] ^ column[b]).astype(np.int16)
            near = distance <= max_distance
            a, b, distance = a[near], b[near], distance[near]
        if len(a):
            yield a, b
        other = other + 1


def _ones(words: UInt64[np.ndarray, "*shape"]) -> Integer[np.ndarray, "*shape"]:
    """How many bits of each word are set; without NumPy 2 they are added up in pairs, fours, bytes."""
    if hasattr(np, "bitwise_count"):
        counts: np.ndarray = np.bitwise_count(words)
        return counts
    pairs = words - ((words >> np.uint64(1)) & np.uint64(0x5555555555555555))
    twos = np.uint64(0x3333333333333333)
    fours = (pairs & twos) + ((pairs >> np.uint64(2)) & twos)
    each_byte = (fours + (fours >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    counts = (each_byte * np.uint64(0x0101010101010101)) >> np.uint64(56)
    return counts
