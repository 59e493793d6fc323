"""The losses of CJME, equation by equation."""

import math
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, pad

NEAREST = 1e-6  # a clip on top of a class has probability one, not infinity

Sign = Literal["fixed", "as_printed"]
Agreement = Literal["mean", "sum"]
AttentionLoss = Literal["bce", "mse"]


def class_distances(
    clips: Float[Tensor, "n width"], classes: Float[Tensor, "n_classes width"]
) -> Float[Tensor, "n n_classes"]:
    """d of eq. 1, 2 and 7: Euclidean distance of each clip to each class."""
    # The faster way through a matrix product loses the small distances, the ones that count in eq. 7.
    return torch.cdist(clips, classes, compute_mode="donot_use_mm_for_euclid_dist")


def pair_triplets(near: Float[Tensor, " n"], far: Float[Tensor, " n"], margin: float) -> Float[Tensor, " n"]:
    """Eq. 1 (audio) or 2 (video) of pairs: [d(x_p, t_p) - d(x_q, t_p) + delta]+.

    `near` is their d(x_p, t_p), `far` is d(x_q, t_p), `margin` is delta.
    """
    return torch.relu(near - far + margin)


def batch_triplets(
    distances: Float[Tensor, "n n_classes"], labels: Int[Tensor, " n"], margin: float
) -> Float[Tensor, " n"]:
    """Eq. 1 (audio) or 2 (video) of every clip p of a batch, as the mean over all clips q of other classes.

    The hinge of p counts those q whose distance to t_p is below d(x_p, t_p) + delta. With the distances to t_p
    sorted these are the first k, so the sum over q is k times the bound less a sum of the first k: the same value
    and gradient as from n x n hinges, in a sort for each class.
    """
    n, n_classes = distances.shape
    clips = torch.arange(n, device=distances.device)
    counts = torch.bincount(labels, minlength=n_classes)
    bounds = distances[clips, labels] + margin
    of_class = labels[:, None] == torch.arange(n_classes, device=distances.device)
    # Clips of the class itself are no negatives: they go to the end, where no bound reaches.
    ranked = distances.masked_fill(of_class, math.inf).t().contiguous().sort(dim=1).values
    # One row a class, as long as the largest, so that a class is searched for its own bounds only.
    order = labels.argsort(stable=True)
    place = torch.empty_like(order)
    place[order] = clips - (counts.cumsum(0) - counts)[labels[order]]
    table = bounds.new_zeros(n_classes, int(counts.max()))
    table[labels, place] = bounds.detach()
    k = torch.searchsorted(ranked.detach(), table)[labels, place]
    sums = pad(ranked.cumsum(dim=1), (1, 0))[labels, k]
    return (k * bounds - sums) / (n - counts[labels]).clamp(min=1)


def agreement_loss(
    audio: Float[Tensor, "n width"], video: Float[Tensor, "n width"], over: Agreement
) -> Float[Tensor, ""]:
    """Eq. 3, L_AV, the mean over clips; as the mean over dimensions, or as their sum, which is what is printed.

    With lambda 1 the sum draws the space together, and unseen classes are lost in it.
    """
    squares = torch.square(audio - video)
    return squares.mean() if over == "mean" else squares.sum(dim=1).mean()


def joint_loss(
    audio_triplets: Float[Tensor, " n"],
    video_triplets: Float[Tensor, " n"],
    alpha: Float[Tensor, " n"],
    agreement: Float[Tensor, ""],
    *,
    gamma: float,
    lambda_: float,
) -> Float[Tensor, ""]:
    """Eq. 4 with alpha_v = alpha and alpha_a = 1 - alpha of each clip p; sums are means over the batch."""
    triplets = alpha * video_triplets + (1 - alpha) * audio_triplets
    return lambda_ * agreement + gamma * triplets.mean()


def class_entropies(distances: Float[Tensor, "n n_classes"]) -> Float[Tensor, " n"]:
    """e_a or e_v of eq. 7: entropy (natural log) of the l1-normalised inverse distances to the classes."""
    inverse = 1 / distances.clamp(min=NEAREST)
    probabilities = inverse / inverse.sum(dim=1, keepdim=True)
    entropies: Tensor = torch.special.entr(probabilities).sum(dim=1)
    return entropies


@torch.no_grad()
def attention_target(
    by_audio: Float[Tensor, "n n_classes"],
    by_video: Float[Tensor, "n n_classes"],
    *,
    xi: float,
    sign: Sign,
) -> Float[Tensor, " n"]:
    """Eq. 7, from distances to classes: what alpha should be.

    It is 1 where video is surer by more than xi, 0 where audio is, else one half. As printed the equation gives 0
    where video is surer, although eq. 4 makes alpha the weight of video and the text says that the dominant modality
    has the low entropy; `sign="as_printed"` keeps it so. No gradient flows through a target.
    """
    lead_of_video = class_entropies(by_audio) - class_entropies(by_video)
    lead = lead_of_video if sign == "fixed" else -lead_of_video
    return 0.5 + 0.5 * (lead > xi).to(lead.dtype) - 0.5 * (lead < -xi).to(lead.dtype)


def attention_loss(
    logits: Float[Tensor, " n"], target: Float[Tensor, " n"], kind: AttentionLoss
) -> Float[Tensor, ""]:
    """L_CE-alpha of L_attn: -(y log alpha + (1 - y) log(1 - alpha)) with y in {0, .5, 1}, alpha = sigmoid(logit).

    `mse` is the mean of (alpha - y)^2 instead.
    """
    if kind == "mse":
        return torch.square(torch.sigmoid(logits) - target).mean()
    return binary_cross_entropy_with_logits(logits, target)
