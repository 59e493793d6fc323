"""The losses of CJME, equation by equation."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

NEAREST = 1e-6  # a clip on top of a class has probability one, not infinity

Sign = Literal["fixed", "as_printed"]


def triplet_losses(
    of_class: Float[Tensor, "n width"],
    of_other: Float[Tensor, "n width"],
    text: Float[Tensor, "n width"],
    margin: float,
) -> Float[Tensor, " n"]:
    """Eq. 1 (audio) and 2 (video), one loss a pair: [d(x_p, t_p) - d(x_q, t_p) + delta]+, d Euclidean.

    `of_class` is their x_p, `of_other` x_q, `text` t_p, `margin` delta.
    """
    near = torch.linalg.vector_norm(of_class - text, dim=1)
    far = torch.linalg.vector_norm(of_other - text, dim=1)
    return torch.relu(near - far + margin)


def agreement_loss(audio: Float[Tensor, "n width"], video: Float[Tensor, "n width"]) -> Float[Tensor, ""]:
    """Eq. 3, L_AV, as the mean over dimensions: the sum as printed collapses the space at lambda 1."""
    return torch.square(audio - video).mean()


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


def class_entropies(
    clips: Float[Tensor, "n width"], classes: Float[Tensor, "n_classes width"]
) -> Float[Tensor, " n"]:
    """e_a or e_v of eq. 7: entropy (natural log) of the l1-normalised inverse distances to the classes."""
    # The faster way through a matrix product loses the small distances, the ones that count here.
    distances = torch.cdist(clips, classes, compute_mode="donot_use_mm_for_euclid_dist")
    inverse = 1 / distances.clamp(min=NEAREST)
    probabilities = inverse / inverse.sum(dim=1, keepdim=True)
    entropies: Tensor = torch.special.entr(probabilities).sum(dim=1)
    return entropies


@torch.no_grad()
def attention_target(
    audio: Float[Tensor, "n width"],
    video: Float[Tensor, "n width"],
    classes: Float[Tensor, "n_classes width"],
    *,
    xi: float,
    sign: Sign,
) -> Float[Tensor, " n"]:
    """Eq. 7: what alpha should be; 1 where video is surer by more than xi, 0 where audio is, else one half.

    As printed the equation gives 0 where video is surer, although eq. 4 makes alpha the weight of video and
    the text says that the dominant modality has the low entropy; `sign="as_printed"` keeps it so. No
    gradient flows through a target.
    """
    lead_of_video = class_entropies(audio, classes) - class_entropies(video, classes)
    lead = lead_of_video if sign == "fixed" else -lead_of_video
    return 0.5 + 0.5 * (lead > xi).to(lead.dtype) - 0.5 * (lead < -xi).to(lead.dtype)


def attention_loss(logits: Float[Tensor, " n"], target: Float[Tensor, " n"]) -> Float[Tensor, ""]:
    """L_CE-alpha of L_attn: -(y log alpha + (1 - y) log(1 - alpha)) with y in {0, .5, 1}, alpha = sigmoid."""
    return binary_cross_entropy_with_logits(logits, target)
