"""Retrieval: mean average precision of text, sound and picture queries, from embeddings to S, U and HM."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Bool, Float, Int

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.closeness import closeness
from audiosetzsl.evaluation.metrics import class_mean, harmonic_mean, means_by_class
from audiosetzsl.evaluation.neighbours import Partner, neighbour_precisions
from audiosetzsl.evaluation.protocol import check_labels, named
from audiosetzsl.evaluation.ranking import average_precision, left_out_average_precision
from audiosetzsl.evaluation.selection import AUDIO_BELOW, VIDEO_ABOVE, selected_weight
from audiosetzsl.evaluation.training_set import ClassTable


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Clips and classes in one space; alpha is the weight of video, .5 for methods without attention.

    A method of one input has it on both sides; which directions then say something, `retrieve` is told.
    """

    audio: Float[np.ndarray, "n_clips width"]
    video: Float[np.ndarray, "n_clips width"]
    text: Float[np.ndarray, "n_classes width"]
    alpha: Float[np.ndarray, " n_alpha"]  # [n_clips]


class Direction(StrEnum):
    """What is asked with, and what is found."""

    TEXT_TO_AUDIO = "T->A"
    TEXT_TO_VIDEO = "T->V"
    TEXT_TO_BOTH = "T->AV"  # by the mean of both distances
    TEXT_TO_SELECTED = "T->A or V"  # each clip of the gallery by the modality that its alpha selects
    AUDIO_TO_VIDEO = "A->V"
    VIDEO_TO_AUDIO = "V->A"


class TextQueries(StrEnum):
    """What a text query is: all clips of a class have the same text."""

    PER_CLASS = "per_class"  # one query, all clips are the gallery
    PER_CLIP = "per_clip"  # each clip asks with the text of its class among the others


@dataclass(frozen=True, slots=True)
class RetrievalProtocol:
    """How retrieval is measured; docs/paper.md gives the reasons for the defaults."""

    text_queries: TextQueries = TextQueries.PER_CLASS
    partner: Partner = Partner.EXCLUDE  # of clips that ask for clips
    video_above: float = VIDEO_ABOVE
    audio_below: float = AUDIO_BELOW


PAPER = RetrievalProtocol()


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Tables 3 and 4 of the paper, one row: mean average precisions from 0 to 1, means over classes."""

    seen: float
    unseen: float
    harmonic: float
    by_class: dict[str, float]  # classes with a query that has something to find


def retrieve(
    embeddings: Embeddings,
    actual: Int[np.ndarray, " n_clips"],
    classes: ClassTable,
    directions: Collection[Direction] = tuple(Direction),
    protocol: RetrievalProtocol = PAPER,
) -> dict[Direction, Retrieval]:
    """Measure directions of retrieval by Euclidean distance, in the order of `Direction`.

    A method of audio alone can be asked for T->A only, one of both inputs as one vector for T->AV only.

    Raises:
        SetupError: embeddings are not finite, or not as many as clips and classes, a label is no column of the class
            table, or no clip of a seen or of an unseen class has anything to find.
    """
    e = embeddings
    if len(e.alpha) != len(actual):
        raise SetupError(f"{len(e.alpha)} values of alpha for {len(actual)} clips; give one each")
    weight_of_video: dict[Direction, float | np.ndarray] = {
        Direction.TEXT_TO_AUDIO: 0.0,
        Direction.TEXT_TO_VIDEO: 1.0,
        Direction.TEXT_TO_BOTH: 0.5,
        Direction.TEXT_TO_SELECTED: selected_weight(e.alpha, protocol.video_above, protocol.audio_below)[
            :, None
        ],
    }
    sides = {Direction.AUDIO_TO_VIDEO: (e.audio, e.video), Direction.VIDEO_TO_AUDIO: (e.video, e.audio)}
    found, audio, video = {}, None, None
    for direction in (d for d in Direction if d in directions):
        if direction in sides:
            found[direction] = clip_retrieval(*sides[direction], actual, classes, protocol.partner)
            continue
        if audio is None or video is None:
            audio, video = closeness(e.audio, e.text), closeness(e.video, e.text)
        weight = weight_of_video[direction]
        scores = (1 - weight) * audio + weight * video
        found[direction] = text_retrieval(scores, actual, classes, protocol.text_queries)
    return found


def text_retrieval(
    values: Float[np.ndarray, "n_clips n_classes"],
    actual: Int[np.ndarray, " n_clips"],
    classes: ClassTable,
    queries: TextQueries = TextQueries.PER_CLASS,
) -> Retrieval:
    """Search the clips with the text of each class: a column of a score matrix ranks them.

    Raises:
        SetupError: scores are not clips x classes or not finite, or as in `retrieve`.
    """
    check_labels(actual, classes)
    expected = (len(actual), len(classes.names))
    if values.shape != expected:
        raise SetupError(f"scores are {values.shape}, expected {expected}: clips x classes")
    if bad := int((~np.isfinite(values)).sum()):
        raise SetupError(f"{bad} scores are not finite, so they rank nothing; check the model")
    measure = {
        TextQueries.PER_CLASS: average_precision,
        TextQueries.PER_CLIP: left_out_average_precision,
    }[queries]
    found = [measure(values[:, index], actual == index) for index in range(len(classes.names))]
    return _retrieval(np.array(found), classes)


def clip_retrieval(
    queries: Float[np.ndarray, "n_clips width"],
    gallery: Float[np.ndarray, "n_clips width"],
    actual: Int[np.ndarray, " n_clips"],
    classes: ClassTable,
    partner: Partner = Partner.EXCLUDE,
) -> Retrieval:
    """Search with each clip among all others; row i of both sides is clip i and, by default, never finds itself.

    Both sides come from the same clips, of one modality or of two, so the query's own row leaves the gallery. A
    query whose class has no other clip has nothing to find and does not count.
    """
    check_labels(actual, classes)
    found = neighbour_precisions(queries, gallery, actual, partner)
    return _retrieval(means_by_class(found, actual, len(classes.names)), classes)


def _retrieval(by_class: Float[np.ndarray, " n_classes"], classes: ClassTable) -> Retrieval:
    seen: Bool[np.ndarray, " n_classes"] = classes.seen_mask
    s, u = class_mean(by_class, seen), class_mean(by_class, ~seen)
    return Retrieval(s, u, harmonic_mean(s, u), named(by_class, classes))
