"""DeViSE: a map of features into the space of words, trained to be nearer to a clip's own word than to any other."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from audiosetzsl.evaluation.training_set import SeenClips, View
from models.baselines.bilinear import Bilinear
from models.baselines.ranking import fit_ranking, hinges
from models.baselines.training_rows import TrainingRows
from models.inputs import InputForm
from models.training import ALONE, Optimising, Pass, Progress, Team
from models.training.settings import check_margin


@dataclass(frozen=True, slots=True)
class DeviseSettings:
    """The margin is the source's; form and rate are chosen on val. Words always have length 1."""

    margin: float = 0.1
    features: InputForm = InputForm.STANDARD
    optimising: Optimising = field(default_factory=lambda: Optimising(learning_rate=1e-3, batch_size=256))

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        check_margin(self.margin)


# Rates only: the map starts at 0, so another margin at a rate as many times larger gives the same decisions.
DEVISE_GRID = tuple(
    DeviseSettings(features=form, optimising=replace(DeviseSettings().optimising, learning_rate=rate))
    for form in (InputForm.STANDARD, InputForm.UNIT)
    for rate in (3e-4, 1e-3, 3e-3)
)


def fit_devise(
    seen: SeenClips,
    class_vectors: Float[np.ndarray, "n_classes text_width"],
    settings: DeviseSettings | None = None,
    *,
    view: View,
    seed: int,
    validate: Callable[[Bilinear], float] | None,
    on_pass: Callable[[Pass], None] | None = None,
    progress: Progress | None = None,
    team: Team = ALONE,
) -> Bilinear:
    """Fit DeViSE (Frome et al., NIPS 2013, section 3.3) on clips of seen classes.

    Their v(image), t_j and M are the features in form, the class vector at length 1 and the weights, transposed.
    They also stop the sum at the first label that is too high, for speed, fine-tune the network that makes the
    features, draw clips uniformly and take steps of Adagrad; here sums are whole, features are given, every class
    is equally likely in a batch, and steps are Adam's.

    Args:
        seen: the only clips it learns from.
        class_vectors: one row a class of the class table; only rows of seen classes are looked at.
        settings: margin, form, optimiser; see `DEVISE_GRID`.
        view: what of the clips it looks at.
        seed: of the clips drawn, 0 or more.
        validate: what to maximise over passes, higher is better; None keeps the last pass.
        on_pass: told about every pass.
        progress: file from which to go on with a training that was broken off.
        team: the devices that train it.

    Raises:
        SetupError: class vectors are not one a class, fewer than two seen classes have clips, training diverged,
            or the progress is of another training.
    """
    settings = settings or DeviseSettings()
    return fit_ranking(
        TrainingRows.of(seen, class_vectors, view, settings.features, InputForm.UNIT),
        partial(devise_losses, margin=settings.margin),
        settings.optimising,
        seed=seed,
        validate=validate,
        on_pass=on_pass,
        progress=progress,
        team=team,
    )


def devise_losses(
    scores: Float[Tensor, "n n_classes"], labels: Int[Tensor, " n"], margin: float
) -> Float[Tensor, " n"]:
    """Their hinge rank loss of each clip, eq. 1: the sum over wrong labels of what each is too high by."""
    return hinges(scores, labels, margin).sum(1)
