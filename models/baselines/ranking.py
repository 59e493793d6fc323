"""Ranking: a bilinear map trained so that a clip's own class scores above the others, by any such loss."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from models.baselines.bilinear import Bilinear
from models.baselines.training_rows import TrainingRows
from models.sampling import class_balanced
from models.training import Optimising, Pass, Progress, Share, Step, Team, train

RankingLosses = Callable[[Float[Tensor, "n n_classes"], Int[Tensor, " n"]], Float[Tensor, " n"]]


class _Map(nn.Module):
    """W of x W s. It starts at 0, which favours no class."""

    def __init__(self, width: int, rank: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.zeros(width, rank))

    def forward(
        self, rows: Float[Tensor, "n width"], words: Float[Tensor, "n_classes rank"]
    ) -> Float[Tensor, "n n_classes"]:
        """Score classes; words first, as there are far fewer classes than clips in a batch."""
        scores: Tensor = rows @ (self.weights @ words.T)
        return scores


def fit_ranking(
    data: TrainingRows,
    losses: RankingLosses,
    optimising: Optimising,
    *,
    seed: int,
    validate: Callable[[Bilinear], float] | None,
    on_pass: Callable[[Pass], None] | None,
    progress: Progress | None,
    team: Team,
) -> Bilinear:
    """Fit a map to the mean loss of clips that are drawn so that every seen class is equally likely.

    Every pass tells the loss, and `accuracy`: the share of clips whose own class scored highest of the seen ones.
    """
    axes = _axes_of(data.class_vectors)
    rows, words = (
        torch.as_tensor(np.require(part, np.float32, ("C", "W")), device=team.device)
        for part in (data.features(data.rows), data.class_vectors @ axes.T)
    )
    labels = torch.from_numpy(data.labels)
    sampler, batch_size = class_balanced(labels), optimising.batch_of(len(rows))
    model, labels = _Map(rows.shape[1], words.shape[1]).to(team.device), labels.to(team.device)

    def step(generator: torch.Generator, share: Share) -> Step:
        drawn = share.part(sampler.draw(batch_size, generator)).to(team.device)
        scores = model(rows[drawn], words)
        right = scores.detach().argmax(1) == labels[drawn]
        return Step(losses(scores, labels[drawn]).mean(), {"accuracy": right.float().mean()})

    def bilinear(model: _Map) -> Bilinear:
        weights = model.weights.detach().cpu().numpy() @ axes.astype(np.float32)
        return Bilinear(weights, data.view, data.features, data.words)

    train(
        model,
        step,
        optimising.steps_of(len(rows)),
        optimising,
        seed=seed,
        validate=None if validate is None else lambda found: validate(bilinear(found)),
        on_pass=on_pass,
        progress=progress,
        team=team,
    )
    return bilinear(model)


def _axes_of(words: Float[np.ndarray, "n_seen text_width"]) -> Float[np.ndarray, "rank text_width"]:
    """Directions at right angles, of length 1, in which seen words lie: 23 or fewer of 300.

    No loss of seen words sees anything else of a map. To fit it there alone is the same for SGD, costs a fraction,
    and keeps Adam, whose steps are no multiples of gradients, from filling the rest with what it has not learnt.
    """
    _, sizes, axes = np.linalg.svd(words, full_matrices=False)
    kept: np.ndarray = axes[sizes > 1e-6 * sizes[0]]
    return kept


def hinges(
    scores: Float[Tensor, "n n_classes"], labels: Int[Tensor, " n"], margin: float
) -> Float[Tensor, "n n_classes"]:
    """[margin + score of a class - score of the clip's own]+ for every class, and 0 for its own."""
    own = labels[:, None]
    return torch.relu(margin + scores - scores.gather(1, own)).scatter(1, own, 0.0)
