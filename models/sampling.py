"""Sampling: clips drawn with every class equally likely, one by one, evenly, or in pairs of two classes."""

from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from audiosetzsl.errors import SetupError


@dataclass(frozen=True, slots=True)
class ClassBalanced:
    """Draws clips with replacement: the class uniformly among those that have clips, then the clip in it."""

    clips: Int[Tensor, " n_clips"]  # sorted by class
    starts: Int[Tensor, " n_present"]
    counts: Int[Tensor, " n_present"]

    def draw(self, n: int, generator: torch.Generator) -> Int[Tensor, " n"]:
        """Draw `n` clips."""
        return self._clips_of(torch.randint(len(self.counts), (n,), generator=generator), generator)

    def draw_evenly(self, n: int, generator: torch.Generator) -> Int[Tensor, " n"]:
        """Draw `n` clips, of each class as many as of any other or one more, in an order left to chance."""
        n_classes = len(self.counts)
        in_turn = torch.randperm(n_classes, generator=generator)[torch.arange(n) % n_classes]
        return self._clips_of(in_turn[torch.randperm(n, generator=generator)], generator)

    def draw_pairs(self, n: int, generator: torch.Generator) -> tuple[Int[Tensor, " n"], Int[Tensor, " n"]]:
        """Draw `n` pairs p, q of eq. 4: the class of q is uniform among the classes other than that of p."""
        n_classes = len(self.counts)
        of_p = torch.randint(n_classes, (n,), generator=generator)
        of_q = (of_p + torch.randint(1, n_classes, (n,), generator=generator)) % n_classes
        return self._clips_of(of_p, generator), self._clips_of(of_q, generator)

    def _clips_of(self, classes: Int[Tensor, " n"], generator: torch.Generator) -> Int[Tensor, " n"]:
        # In double precision a number below 1 times a count stays below the count.
        place = torch.rand(len(classes), generator=generator, dtype=torch.float64) * self.counts[classes]
        return self.clips[self.starts[classes] + place.long()]


def class_balanced(labels: Int[Tensor, " n_clips"]) -> ClassBalanced:
    """Prepare drawing from clips with these labels.

    Raises:
        SetupError: fewer than two classes have clips, so there is nothing to tell apart.
    """
    counts = torch.bincount(labels)
    counts = counts[counts > 0]
    if len(counts) < 2:
        raise SetupError(f"training needs clips of at least two seen classes, got {len(counts)}")
    return ClassBalanced(torch.argsort(labels, stable=True), counts.cumsum(0) - counts, counts)
