"""Losses of the audio CNN: softmax, and the original's sigmoid; from segments to the clip in both."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid, softmax


def softmax_loss(
    segment_logits: Float[Tensor, "n n_classes n_segments"], targets: Float[Tensor, "n n_classes"]
) -> Float[Tensor, " n"]:
    """Cross-entropy of the mean of the logits: a clip of AudioSetZSL is of exactly one class."""
    return cross_entropy(segment_logits.mean(dim=2), targets, reduction="none")


def softmax_probabilities(
    segment_logits: Float[Tensor, "n n_classes n_segments"],
) -> Float[Tensor, "n n_classes"]:
    """Probability of each class; they sum to 1."""
    return softmax(segment_logits.mean(dim=2), dim=1)


def sigmoid_loss(
    segment_logits: Float[Tensor, "n n_classes n_segments"], targets: Float[Tensor, "n n_classes"]
) -> Float[Tensor, " n"]:
    """Binary cross-entropy of the mean over segments of the sigmoids, mean over classes (Kumar et al., 2018).

    In logarithms throughout: a segment that is sure and wrong would give an infinity otherwise.
    """
    log_n = math.log(segment_logits.shape[2])
    log_yes = logsigmoid(segment_logits).logsumexp(dim=2) - log_n
    log_no = logsigmoid(-segment_logits).logsumexp(dim=2) - log_n
    return -(targets * log_yes + (1 - targets) * log_no).mean(dim=1)


def sigmoid_probabilities(
    segment_logits: Float[Tensor, "n n_classes n_segments"],
) -> Float[Tensor, "n n_classes"]:
    """Probability of each class on its own."""
    return segment_logits.sigmoid().mean(dim=2)


@dataclass(frozen=True, slots=True)
class Loss:
    """What is minimised, for each clip, and what the network then says of the classes."""

    of_clips: Callable[[Tensor, Tensor], Tensor]
    probabilities: Callable[[Tensor], Tensor]


LOSSES = {
    "softmax": Loss(softmax_loss, softmax_probabilities),
    "sigmoid": Loss(sigmoid_loss, sigmoid_probabilities),
}
