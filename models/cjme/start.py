"""Start and end of a training: first weights, columns of seen classes, the warning of a space that has collapsed."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from audiosetzsl.evaluation.training_set import SeenLabels
from models.inputs import vectors_of
from models.sampling import ClassBalanced, class_balanced
from models.training import Optimising

COLLAPSED = (
    0.1  # of the margin: where class embeddings lie nearer to their mean, none can be told from another
)

M = TypeVar("M", bound=nn.Module)
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SeenColumns:
    """The seen classes of a training: their vectors, and each clip's class among them."""

    labels: Int[Tensor, " n_clips"]
    vectors: Float[Tensor, "n_seen text_width"]
    sampler: ClassBalanced

    @staticmethod
    def of(
        labels: SeenLabels, class_vectors: Float[np.ndarray, "n_classes text_width"], device: torch.device
    ) -> "SeenColumns":
        """Keep of all classes those that are learnt from.

        Raises:
            SetupError: there is not one row of finite numbers a class, or fewer than two classes have clips.
        """
        mask = labels.classes.seen_mask
        learnt = vectors_of(class_vectors, mask, labels.classes)
        among_seen = torch.from_numpy((np.cumsum(mask) - 1)[labels.indices])
        vectors = torch.as_tensor(learnt, dtype=torch.float32, device=device)
        return SeenColumns(among_seen.to(device), vectors, class_balanced(among_seen))

    def batch_size(self, optimising: Optimising) -> int:
        """How many clips, or pairs of them, are drawn at once."""
        return optimising.batch_of(len(self.labels))

    def steps_per_pass(self, optimising: Optimising) -> int:
        """After how many steps as many have been drawn as there are clips."""
        return optimising.steps_of(len(self.labels))


def begun(make: Callable[[], M], seed: int) -> M:
    """A network with first weights from a seed, whatever others draw; on whichever device it goes then."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def text_spread(classes: Float[Tensor, "n_classes width"]) -> Float[Tensor, ""]:
    """Mean distance of class embeddings from their mean."""
    apart = classes.detach() - classes.detach().mean(dim=0)
    spread: Tensor = torch.linalg.vector_norm(apart, dim=1).mean()
    return spread


def warn_of_collapse(spread: float, margin: float) -> None:
    """Say in the log where a training ended in one point for all classes."""
    if spread < COLLAPSED * margin:
        log.warning(
            "the space has collapsed: classes lie %.3f from their mean, far less than the margin of %g, and none can "
            "be told from another; look at the class vectors, and in CJME take a lower lambda_, or the mean in eq. 3",
            spread,
            margin,
        )
