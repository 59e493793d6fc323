"""Settings of a training: optimiser, steps down of its rate, how many passes, when to stop."""

import itertools
import math
from dataclasses import dataclass

import torch
from torch import nn

from audiosetzsl.errors import SetupError

OPTIMISERS = ("adam", "adamw", "sgd")
PRECISIONS = ("fp32", "tf32", "bf16")
MOST_LEARNING_RATE = 1e30  # any training diverges long before; torch has no number for 1e39
# Least and most of what counts something; the most is far beyond use.
WHOLE_NUMBERS = {
    "batch_size": (2, 1_000_000),
    "least_steps": (1, 1_000_000),
    "passes": (1, 1_000_000),
    "patience": (1, 1_000_000),
}
SMALLEST_BATCH = 32  # to which least_steps may lead: still smaller ones would hold no clip of many a class


@dataclass(frozen=True, slots=True)
class Optimising:
    """How a network is trained; a pass is as many draws as there are clips.

    Precision is that of matrix products: `tf32` counts on a CUDA GPU only, `bf16` in the network's `forward`.
    Losses and distances are computed in float32 with either, of embeddings with the digits of that precision. On
    several threads of a CPU, trainings are the same bit by bit with batches of up to 32,768 clips.
    """

    optimiser: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.0  # of sgd
    weight_decay: float = 0.0
    decay_at: tuple[int, ...] = (30, 60, 90)  # passes after which the rate is multiplied by decay_factor
    decay_factor: float = 0.1
    batch_size: int = 1024
    least_steps: int = 1  # of a pass: batches of few clips are smaller for it, but not under 32
    passes: int = 100
    patience: int = 20  # passes without a better val before training stops
    precision: str = "tf32"

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, before hours are spent on it.

        Raises:
            SetupError: a name is unknown, or a number is out of its range.
        """
        for name, known in (("optimiser", OPTIMISERS), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise SetupError(f"{name} is {getattr(self, name)!r}, expected one of {', '.join(known)}")
        for name, (least, most) in WHOLE_NUMBERS.items():
            if not least <= getattr(self, name) <= most:
                raise SetupError(
                    f"{name} is {getattr(self, name)}, expected a whole number from {least:,} to {most:,}"
                )
        # All put so that NaN, which is neither more nor less than anything, is refused too.
        if not 0 < self.learning_rate <= MOST_LEARNING_RATE:
            raise SetupError(
                f"learning_rate is {self.learning_rate}, expected more than 0 and at most "
                f"{MOST_LEARNING_RATE:.0e}, such as 0.001"
            )
        if not 0 <= self.momentum < 1:
            raise SetupError(f"momentum is {self.momentum}, expected from 0 to below 1, such as 0.9")
        if self.momentum and self.optimiser != "sgd":
            raise SetupError(
                f"momentum is {self.momentum}, but {self.optimiser} has its own; "
                "take optimiser sgd, or leave momentum at 0"
            )
        if not 0 <= self.weight_decay <= 1:
            raise SetupError(f"weight_decay is {self.weight_decay}, expected from 0 to 1, such as 0.0001")
        if not 0 < self.decay_factor <= 1:
            raise SetupError(f"decay_factor is {self.decay_factor}, expected more than 0 and at most 1")
        if any(later <= sooner for sooner, later in itertools.pairwise((0, *self.decay_at))):
            raise SetupError(f"decay_at is {self.decay_at}, expected passes from 1 on, each after the last")

    def batch_of(self, n_clips: int) -> int:
        """How many of so many clips, or pairs of them, are drawn at once: no more than there are."""
        return min(self.batch_size, max(SMALLEST_BATCH, n_clips // self.least_steps), n_clips)

    def steps_of(self, n_clips: int) -> int:
        """Steps of a pass: until as many have been drawn as there are clips."""
        return math.ceil(n_clips / self.batch_of(n_clips))

    def rate_in(self, number: int) -> float:
        """Learning rate of a pass, counted from 1."""
        return self.learning_rate * self.decay_factor ** sum(number > done for done in self.decay_at)

    def optimiser_of(self, model: nn.Module) -> torch.optim.Optimizer:
        """The optimiser of a model: all of it in one loop, by far the fastest way where batches are small."""
        weights, decay, rate = model.parameters(), self.weight_decay, self.learning_rate
        if self.optimiser == "sgd":
            return torch.optim.SGD(weights, rate, self.momentum, weight_decay=decay, fused=True)
        kind = torch.optim.Adam if self.optimiser == "adam" else torch.optim.AdamW
        return kind(weights, rate, weight_decay=decay, fused=True)


def check_margin(margin: float) -> None:
    """Refuse a margin that asks for nothing.

    Raises:
        SetupError: it is not above 0.
    """
    if not 0 < margin < math.inf:  # put so that NaN is refused too
        raise SetupError(f"margin is {margin}, expected more than 0, such as 0.1 or 1")
