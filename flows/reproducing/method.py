"""Method: one way to learn from seen clips, as an experiment uses it, whatever model is behind it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch

from audiosetzsl.evaluation.retrieval import Direction, Embeddings
from audiosetzsl.evaluation.training_set import ClipFeatures, SeenClips, View
from audiosetzsl.feature_sets import Stage
from models.training import Pass, Progress, Team

# Fitted models differ in what they can do; a method says what is asked of its own.
Model = Any
Settings = Any  # a frozen dataclass


BOTH = frozenset({View.AUDIO, View.VIDEO})
NEEDS = {View.AUDIO: frozenset({View.AUDIO}), View.VIDEO: frozenset({View.VIDEO}), View.CONCAT: BOTH}


@dataclass(frozen=True, slots=True)
class How:
    """What of a training is no setting: where it runs, what it is judged by, who hears of it."""

    seed: int
    device: str = "cpu"
    validate: Callable[[Model], float] | None = None  # None: as many passes as the settings say
    on_pass: Callable[[Pass], None] | None = None
    progress: Progress | None = None


# Puts clips and classes into one space.
Embed = Callable[[Model, ClipFeatures, np.ndarray], Embeddings]
# Settings to choose from, given those that were chosen for the method which this one follows; where it follows none,
# given a preset of CJME, or None, which most take no notice of.
Grid = Callable[[Settings], tuple[Settings, ...]]
Spaces = Mapping[Embed, frozenset[Direction]]  # which directions are searched in which space
# Learns from seen clips: they, the class vectors, the settings and how.
Fit = Callable[[SeenClips, np.ndarray, Settings, How], Model]


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the paper's tables.

    `grid` are the settings to choose from on val; where `follows` names another method, they are made of what was
    chosen for that one. `candidates` gives a fitted model for each of them, in their order, where that costs less
    than fitting them one by one. `scores` gives a score matrix for each kind of inference; of kinds `name@variant`
    the best on val counts. `spaces` says which directions are searched in which space.
    """

    name: str
    views: frozenset[View]  # of AUDIO and VIDEO, those it cannot do without
    fit: Fit
    grid: Grid
    scores: Callable[[Model, ClipFeatures, np.ndarray], Mapping[str, np.ndarray]] | None = None
    spaces: Spaces = field(default_factory=dict)
    candidates: Callable[[Stage, tuple[Settings, ...]], Iterable[Model]] | None = None
    is_drawn: bool = True  # whether the seed changes anything
    follows: str | None = None
    with_passes: Callable[[Settings, int], Settings] | None = None  # settings for just so many passes


def told_to_training(how: How) -> dict[str, Any]:
    """What every training by gradients is told besides its settings."""
    return {
        "seed": how.seed,
        "validate": how.validate,
        "on_pass": how.on_pass,
        "progress": how.progress,
        "team": Team(torch.device(how.device)),
    }


def with_passes(settings: Any, passes: int) -> Any:
    """The same settings for just so many passes."""
    if hasattr(settings, "training"):
        return replace(settings, training=with_passes(settings.training, passes))
    return replace(settings, optimising=replace(settings.optimising, passes=passes))


def plain_scores(model: Any, clips: ClipFeatures, vectors: np.ndarray) -> dict[str, np.ndarray]:
    """The scores of a model that has one kind of inference."""
    return {"": model.scores(clips, vectors)}
