"""Inference: which modality's distance to a class counts, and the scores that come of it."""

from enum import StrEnum

import numpy as np
from jaxtyping import Float

from audiosetzsl.evaluation.closeness import closeness
from audiosetzsl.evaluation.retrieval import Embeddings
from audiosetzsl.evaluation.selection import AUDIO_BELOW, VIDEO_ABOVE, selected_weight
from models.cjme.losses import NEAREST


class Inference(StrEnum):
    """Which modality's distance to a class counts."""

    AUDIO = "audio"
    VIDEO = "video"
    BOTH = "both"  # eq. 6, as the mean
    SELECTED = "selected"  # the dominant one where alpha is sure, else both
    EQ7 = "eq7"  # the surer one by eq. 7 with all classes of the test, else both; asks no attention


def score_by(
    embeddings: Embeddings,
    inference: Inference,
    *,
    xi: float = 0.1,
    video_above: float = VIDEO_ABOVE,
    audio_below: float = AUDIO_BELOW,
) -> Float[np.ndarray, "n_clips n_classes"]:
    """Score classes by minus the distance of audio, of video, or their mean (eq. 6), as `inference` says.

    Args:
        embeddings: clips and classes, all classes among which is to be decided.
        inference: which modality counts.
        xi: by how much entropies must differ for eq. 7, which asks no training; the default is preset `paper`'s.
        video_above: alpha above which only video counts.
        audio_below: alpha under which only audio does.
    """
    if inference is Inference.AUDIO:
        return closeness(embeddings.audio, embeddings.text)
    if inference is Inference.VIDEO:
        return closeness(embeddings.video, embeddings.text)
    by_audio, by_video = (closeness(c, embeddings.text) for c in (embeddings.audio, embeddings.video))
    if inference is Inference.BOTH:
        mean: np.ndarray = (by_audio + by_video) / 2
        return mean
    if inference is Inference.EQ7:
        of_video = surer_weight(by_audio, by_video, xi)
    else:
        of_video = selected_weight(embeddings.alpha, video_above, audio_below)
    weight = of_video.astype(by_audio.dtype)[:, None]
    scores: np.ndarray = (1 - weight) * by_audio + weight * by_video
    return scores


def surer_weight(
    by_audio: Float[np.ndarray, "n_clips n_classes"],
    by_video: Float[np.ndarray, "n_clips n_classes"],
    xi: float,
) -> Float[np.ndarray, " n_clips"]:
    """Weight of video by eq. 7 from minus the distances: 1 where video is surer by more than xi, 0 audio, else .5.

    The surer modality is the one that counts, whichever way round the equation was read in training.
    """
    lead_of_video = _entropies(by_audio) - _entropies(by_video)
    weight: np.ndarray = 0.5 + 0.5 * (lead_of_video > xi) - 0.5 * (lead_of_video < -xi)
    return weight


def _entropies(closenesses: Float[np.ndarray, "n_clips n_classes"]) -> Float[np.ndarray, " n_clips"]:
    inverse = 1 / np.maximum(-closenesses, NEAREST)
    total = inverse.sum(axis=1)
    # Of p = inverse / total, -sum p log p without a division of every element; no p is 0.
    entropies: np.ndarray = np.log(total) - (inverse * np.log(inverse)).sum(axis=1) / total
    return entropies
