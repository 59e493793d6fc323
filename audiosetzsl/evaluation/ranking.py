"""Ranking: average precision of one ranking, with ties as the mean over all their orders."""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int


def average_precision(scores: Float[np.ndarray, " n"], relevant: Bool[np.ndarray, " n"]) -> float:
    """Average precision of one ranking; NaN where nothing is relevant.

    Equal scores have no order, so this is the expectation over all orders of them (McSherry and Najork,
    ECIR 2008): exact, and the same however the gallery is sorted.
    """
    n_relevant = int(relevant.sum())
    if not n_relevant:
        return math.nan
    ties = _Ties.of(scores, relevant)
    found = expected_precisions(ties.hits_before, ties.hits, ties.before, ties.sizes)
    return float(found.sum() / n_relevant)


def left_out_average_precision(scores: Float[np.ndarray, " n"], relevant: Bool[np.ndarray, " n"]) -> float:
    """Mean of the average precisions without the first relevant item, without the second, and so on.

    So a class is searched for with each of its clips while the ranking is that of the class: the ranking is
    sorted once. NaN where a query has nothing left to find.
    """
    n_relevant = int(relevant.sum())
    if n_relevant < 2:
        return math.nan
    ties = _Ties.of(scores, relevant)
    # A tie before the item left out stays, its own tie loses a hit, a later one has a hit less before it, which
    # the first never is.
    stays = expected_precisions(ties.hits_before, ties.hits, ties.before, ties.sizes)
    own = expected_precisions(ties.hits_before, ties.hits - 1, ties.before, ties.sizes - 1)
    moves = expected_precisions(ties.hits_before - 1, ties.hits, np.maximum(ties.before - 1, 0), ties.sizes)
    of_tie = np.cumsum(stays) - stays + own + np.cumsum(moves[::-1])[::-1] - moves
    return float(np.sum(ties.hits * of_tie) / n_relevant / (n_relevant - 1))


def expected_precisions(
    hits_before: Int[np.ndarray, " n_ties"],
    hits: Int[np.ndarray, " n_ties"],
    before: Int[np.ndarray, " n_ties"],
    sizes: Int[np.ndarray, " n_ties"],
) -> Float[np.ndarray, " n_ties"]:
    """Sum of the precisions at the hits of each tie, expected over its orders.

    A tie of `sizes` items, `hits` of them relevant, comes after `before` items, `hits_before` of them relevant. The
    item at its place j is relevant with chance hits / sizes, and then (j - 1)(hits - 1)/(sizes - 1) of the items
    before it in the tie are. A tie without a hit adds nothing.
    """
    some = np.flatnonzero(hits > 0)
    found = np.zeros(len(hits))
    sizes = sizes[some]
    tie = np.repeat(np.arange(len(some)), sizes)
    within = np.arange(len(tie)) - (np.cumsum(sizes) - sizes)[tie]  # j - 1
    chance = hits[some] / sizes
    among_others = (hits[some] - 1) / np.maximum(sizes - 1, 1)
    expected_hits = hits_before[some][tie] + 1 + within * among_others[tie]
    precisions = chance[tie] * expected_hits / (before[some][tie] + 1 + within)
    found[some] = np.bincount(tie, weights=precisions, minlength=len(some))
    return found


@dataclass(frozen=True, slots=True)
class _Ties:
    """A ranking as runs of equal scores, the best first."""

    hits_before: Int[np.ndarray, " n_ties"]
    hits: Int[np.ndarray, " n_ties"]
    before: Int[np.ndarray, " n_ties"]
    sizes: Int[np.ndarray, " n_ties"]

    @staticmethod
    def of(scores: Float[np.ndarray, " n"], relevant: Bool[np.ndarray, " n"]) -> "_Ties":
        order = np.argsort(-scores)
        ranked = scores[order]
        starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        sizes = np.diff(np.r_[starts, len(ranked)])
        hits = np.add.reduceat(relevant[order].astype(np.int64), starts)
        return _Ties(np.cumsum(hits) - hits, hits, starts, sizes)
