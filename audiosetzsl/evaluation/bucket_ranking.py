"""Bucket ranking: average precision of many rankings at once, exact with ties, without sorting all of them."""

import numpy as np
from jaxtyping import Float, Float32, Int, Shaped, UInt16, UInt32

from audiosetzsl.evaluation.ranking import expected_precisions

BUCKETS_PER_HIT = 32
FEWEST_BUCKETS, MOST_BUCKETS = 1 << 12, 1 << 16
SAMPLED = 64  # what is farther than the farthest of every 64th item shares the last bucket
WINDOW = 256
SHORT = 3000  # keys that NumPy sorts as fast


def precisions_of_first(
    distances: Float32[np.ndarray, "n_queries n_items"], n_relevant: int
) -> Float[np.ndarray, " n_queries"]:
    """Average precision of rankings by distance, the nearest first, where the first items are the relevant ones.

    Equal distances have no order, as in `average_precision`. Distances, on any scale from 0 up, go into buckets
    that are in order themselves: an irrelevant item in a bucket without a relevant one is only counted, the others
    are sorted with the relevant ones.
    """
    n_buckets = int(np.clip(BUCKETS_PER_HIT * n_relevant, FEWEST_BUCKETS, MOST_BUCKETS))
    reaches = np.maximum(distances[:, ::SAMPLED].max(axis=1), np.finfo(np.float32).tiny * MOST_BUCKETS)
    scales = np.float32(n_buckets - 1) / reaches
    sums, ties = np.empty(len(distances)), []
    places = np.arange(1, n_relevant + 1)
    for row, (values, reach, scale) in enumerate(zip(distances, reaches, scales, strict=True)):
        bucket = _buckets(values, reach, scale)
        relevant, others = bucket[:n_relevant], bucket[n_relevant:]
        mixed = np.zeros(n_buckets, dtype=bool)
        mixed[relevant] = True
        counts = np.bincount(others, minlength=n_buckets)
        counts[relevant] = 0
        counted = counts.cumsum()
        near = n_relevant + np.flatnonzero(mixed.take(others))
        keys = _sorted_keys(values, bucket, n_relevant, near)
        at = np.flatnonzero((keys & 1) == 0)
        ahead = counted[_buckets((keys[at] >> 1).view(np.float32), reach, scale)]
        sums[row] = (places / (at + 1 + ahead)).sum()
        tied = np.flatnonzero((keys[1:] ^ keys[:-1]) == 1)
        if len(tied):
            ties.append(_ties(row, keys, tied, at, ahead))
    if ties:
        rows, hits_before, hits, before, sizes = np.concatenate(ties, axis=1)
        as_if_first = expected_precisions(hits_before, hits, before, hits)  # what the sum above took them for
        gain = expected_precisions(hits_before, hits, before, sizes) - as_if_first
        sums += np.bincount(rows, weights=gain, minlength=len(sums))
    return sums / n_relevant


def _buckets(
    values: Float32[np.ndarray, " n"], reach: np.float32, scale: np.float32
) -> Int[np.ndarray, " n"]:
    scaled: np.ndarray = np.minimum(
        values, reach
    )  # first, as what lies far beyond a small reach would overflow
    scaled *= scale
    return scaled.astype(np.int32).astype(np.intp)  # two casts are faster than one


def _sorted_keys(
    values: Float32[np.ndarray, " n_items"],
    bucket: Int[np.ndarray, " n_items"],
    n_relevant: int,
    near: Int[np.ndarray, " n_near"],
) -> UInt32[np.ndarray, " n_keys"]:
    """Relevant and near items as sorted numbers, the relevant ones even; of equal distances they come first.

    The bits of a float that is not negative sort as the float does, and leave one bit free.
    """
    keys = np.concatenate([values[:n_relevant], values[near]]).view(np.uint32)
    keys <<= 1
    keys[n_relevant:] += 1
    if len(keys) < SHORT:
        keys.sort()
        return keys
    buckets = np.concatenate([bucket[:n_relevant], bucket[near]]).astype(np.uint16)
    return sorted_within(keys, buckets)


def sorted_within(
    keys: UInt32[np.ndarray, " n"], buckets: UInt16[np.ndarray, " n"]
) -> UInt32[np.ndarray, " n"]:
    """Sort keys whose buckets are in the order of the keys: a radix sort of the buckets, then of short windows.

    NumPy sorts short rows several times as fast as long ones. Two rounds of windows, the second shifted by half,
    put every bucket of up to half a window in order; what has larger ones is sorted plainly.
    """
    half, n = WINDOW // 2, len(keys)
    padded = np.full(-(-n // WINDOW) * WINDOW, np.iinfo(np.uint32).max, np.uint32)
    keys.take(buckets.argsort(kind="stable"), out=padded[:n], mode="clip")
    padded.reshape(-1, WINDOW).sort(axis=1)
    padded[half:-half].reshape(-1, WINDOW).sort(axis=1)
    found = padded[:n]
    if (found[1:] < found[:-1]).any():
        found.sort()
    return found


def _ties(
    row: int,
    keys: UInt32[np.ndarray, " n_keys"],
    tied: Int[np.ndarray, " n_ties"],
    at: Int[np.ndarray, " n_relevant"],
    ahead: Int[np.ndarray, " n_relevant"],
) -> Shaped[np.ndarray, "5 n_ties"]:
    """Ties of relevant with irrelevant items, as `expected_precisions` asks; `tied` are their last relevant keys."""
    first = keys.searchsorted(keys[tied])
    hits_before = at.searchsorted(first)
    found = np.empty((5, len(tied)), dtype=np.intp)
    found[0] = row
    found[1] = hits_before
    found[2] = tied + 1 - first
    found[3] = first + ahead[hits_before]
    found[4] = keys.searchsorted(keys[tied] + 1, side="right") - first
    return found
