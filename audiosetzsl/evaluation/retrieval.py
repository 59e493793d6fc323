"""Retrieval: mean average precision of text, sound and picture queries, from embeddings to S, U and HM."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Bool, Float, Int

from audiosetzsl.evaluation.metrics import (
    average_precision,
    class_mean,
    closeness,
    harmonic_mean,
    means_by_class,
)
from audiosetzsl.evaluation.protocol import check_labels, named
from audiosetzsl.evaluation.training_set import ClassTable

QUERIES_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Clips and classes in one space; alpha is the weight of video, .5 for methods without attention."""

    audio: Float[np.ndarray, "n_clips width"]
    video: Float[np.ndarray, "n_clips width"]
    text: Float[np.ndarray, "n_classes width"]
    alpha: Float[np.ndarray, " n_clips"]


class Direction(StrEnum):
    """What is asked with, and what is found."""

    TEXT_TO_AUDIO = "T->A"
    TEXT_TO_VIDEO = "T->V"
    TEXT_TO_BOTH = "T->AV"
    AUDIO_TO_VIDEO = "A->V"
    VIDEO_TO_AUDIO = "V->A"


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Tables 3 and 4 of the paper, one row: mean average precisions from 0 to 1, means over classes."""

    seen: float
    unseen: float
    harmonic: float
    by_class: dict[str, float]  # classes with a query that has something to find


def retrieve(
    embeddings: Embeddings, actual: Int[np.ndarray, " n_clips"], classes: ClassTable
) -> dict[Direction, Retrieval]:
    """Measure all five directions of retrieval by Euclidean distance; T->AV ranks by the mean of two."""
    audio, video = (closeness(clips, embeddings.text) for clips in (embeddings.audio, embeddings.video))
    return {
        Direction.TEXT_TO_AUDIO: text_retrieval(audio, actual, classes),
        Direction.TEXT_TO_VIDEO: text_retrieval(video, actual, classes),
        Direction.TEXT_TO_BOTH: text_retrieval((audio + video) / 2, actual, classes),
        Direction.AUDIO_TO_VIDEO: clip_retrieval(embeddings.audio, embeddings.video, actual, classes),
        Direction.VIDEO_TO_AUDIO: clip_retrieval(embeddings.video, embeddings.audio, actual, classes),
    }


def text_retrieval(
    values: Float[np.ndarray, "n_clips n_classes"], actual: Int[np.ndarray, " n_clips"], classes: ClassTable
) -> Retrieval:
    """Search all clips with one text query a class: a column of a score matrix ranks the clips."""
    check_labels(actual, classes)
    found = [average_precision(values[:, index], actual == index) for index in range(len(classes.names))]
    return _retrieval(np.array(found), classes)


def clip_retrieval(
    queries: Float[np.ndarray, "n_clips width"],
    gallery: Float[np.ndarray, "n_clips width"],
    actual: Int[np.ndarray, " n_clips"],
    classes: ClassTable,
) -> Retrieval:
    """Search with each clip among all others; row i of both sides is clip i and never finds itself.

    Both sides come from the same clips, of one modality or of two, so the query's own row always leaves the
    gallery. A query whose class has no other clip has nothing to find and does not count.
    """
    check_labels(actual, classes)
    found = np.empty(len(queries))
    for start in range(0, len(queries), QUERIES_AT_ONCE):
        block = closeness(queries[start : start + QUERIES_AT_ONCE], gallery)
        for own, values in enumerate(block, start=start):
            relevant = actual == actual[own]
            found[own] = average_precision(np.delete(values, own), np.delete(relevant, own))
    return _retrieval(means_by_class(found, actual, len(classes.names)), classes)


def _retrieval(by_class: Float[np.ndarray, " n_classes"], classes: ClassTable) -> Retrieval:
    seen: Bool[np.ndarray, " n_classes"] = classes.seen_mask
    s, u = class_mean(by_class, seen), class_mean(by_class, ~seen)
    return Retrieval(s, u, harmonic_mean(s, u), named(by_class, classes))
