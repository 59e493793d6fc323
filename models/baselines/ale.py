"""ALE: a bilinear map trained to rank a clip's own class first, where the first ranks weigh most."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
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
class AleSettings:
    """The margin is Delta, 1 between different classes; forms and rate are chosen on val."""

    margin: float = 1.0
    features: InputForm = InputForm.STANDARD
    words: InputForm = InputForm.UNIT
    optimising: Optimising = field(default_factory=lambda: Optimising(learning_rate=0.01, batch_size=256))

    def __post_init__(self) -> None:
        """Refuse what cannot be meant."""
        check_margin(self.margin)


# Rates only: the map starts at 0, so another margin at a rate as many times larger gives the same decisions.
ALE_GRID = tuple(
    AleSettings(features=form, optimising=replace(AleSettings().optimising, learning_rate=rate))
    for form in (InputForm.STANDARD, InputForm.UNIT)
    for rate in (0.003, 0.01, 0.03)
)


def fit_ale(
    seen: SeenClips,
    class_vectors: Float[np.ndarray, "n_classes text_width"],
    settings: AleSettings | None = None,
    *,
    view: View,
    seed: int,
    validate: Callable[[Bilinear], float] | None,
    on_pass: Callable[[Pass], None] | None = None,
    progress: Progress | None = None,
    team: Team = ALONE,
) -> Bilinear:
    """Fit ALE (Akata et al., CVPR 2013; TPAMI 2016, section 3.2) on clips of seen classes.

    Their theta(x), phi(y), W and Delta are the features in form, the class vector in form, the weights and the
    margin. They draw wrong classes until one scores too high, to guess the rank; here there are so few that all
    are scored at once and the rank is exact. They take a step of SGD for every clip, drawn uniformly; here Adam
    takes one for a batch in which every class is equally likely, since the protocol counts every class once.

    Args:
        seen: the only clips it learns from.
        class_vectors: one row a class of the class table; only rows of seen classes are looked at.
        settings: margin, forms, optimiser; see `ALE_GRID`.
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
    settings = settings or AleSettings()
    return fit_ranking(
        TrainingRows.of(seen, class_vectors, view, settings.features, settings.words),
        partial(ale_losses, margin=settings.margin),
        settings.optimising,
        seed=seed,
        validate=validate,
        on_pass=on_pass,
        progress=progress,
        team=team,
    )


def ale_losses(
    scores: Float[Tensor, "n n_classes"], labels: Int[Tensor, " n"], margin: float
) -> Float[Tensor, " n"]:
    """Their weighted approximate ranking objective of each clip, with the rank exact.

    l(r) / r times the sum of what every class is too high by, where r classes are, and l(r) = 1 + 1/2 + ... + 1/r:
    the mean of the r first weights 1/i. The rank is constant where the loss has a gradient.
    """
    behind = hinges(scores, labels, margin)
    places = torch.arange(1, scores.shape[1], dtype=scores.dtype, device=scores.device)
    mean_weights = torch.cat([places.new_zeros(1), (1 / places).cumsum(0) / places])
    return mean_weights[(behind > 0).sum(1)] * behind.sum(1)
