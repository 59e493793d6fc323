"""Augmentation of log-mels: SpecAugment's masks, and mixup."""

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor


def masked(
    log_mels: Float[Tensor, "n n_frames n_mels"],
    fill: Float[Tensor, " n_mels"],
    *,
    freq: tuple[int, int],
    time: tuple[int, int],
    generator: torch.Generator,
) -> Float[Tensor, "n n_frames n_mels"]:
    """Hide bands and frames (SpecAugment, Park et al., Interspeech 2019, section 2; its warping of time left out).

    Args:
        log_mels: clips.
        fill: what stands in hidden places: the mean of each band, as the network then sees 0 there.
        freq: how many masks over bands each clip gets, and the widest; the width is uniform from 0.
        time: the same over frames.
        generator: draws the masks.
    """
    n, n_frames, n_mels = log_mels.shape
    hidden = _masks(n, n_frames, time, generator)[:, :, None] | _masks(n, n_mels, freq, generator)[:, None, :]
    return torch.where(hidden.to(log_mels.device), fill, log_mels)


def _masks(
    n: int, size: int, masks: tuple[int, int], generator: torch.Generator
) -> Bool[Tensor, "{n} {size}"]:
    """True in a few stretches of each row; each has a width from 0 to the widest and lies inside."""
    how_many, widest = masks
    hidden = torch.zeros(n, size, dtype=torch.bool)
    places = torch.arange(size)
    for _ in range(how_many):
        widths = torch.randint(min(widest, size) + 1, (n, 1), generator=generator)
        # In double precision a number below 1 times a count stays below the count.
        at = torch.rand(n, 1, generator=generator, dtype=torch.float64) * (size - widths + 1)
        starts = at.long()
        hidden |= (places >= starts) & (places < starts + widths)
    return hidden


def mixed(
    log_mels: Float[Tensor, "n n_frames n_mels"],
    targets: Float[Tensor, "n n_classes"],
    alpha: float,
    generator: torch.Generator,
) -> tuple[Float[Tensor, "n n_frames n_mels"], Float[Tensor, "n n_classes"]]:
    """Mix each clip and its target with another of the batch (mixup, Zhang et al., ICLR 2018, eq. 2).

    The share of the clip is drawn from Beta(alpha, alpha), for every clip its own.
    """
    # torch draws from Beta only with its global generator; one number of ours seeds numpy's.
    seed = int(torch.randint(2**62, (1,), generator=generator))
    drawn = np.random.default_rng(seed).beta(alpha, alpha, len(log_mels)).astype(np.float32)
    share = torch.from_numpy(drawn).to(log_mels.device)
    other = torch.randperm(len(log_mels), generator=generator).to(log_mels.device)
    return (
        torch.lerp(log_mels[other], log_mels, share[:, None, None]),
        torch.lerp(targets[other], targets, share[:, None]),
    )
