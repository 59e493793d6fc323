"""Method: one way to learn from seen clips, as an experiment uses it, whatever model is behind it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from audiosetzsl.evaluation.retrieval import Direction, Embeddings
from audiosetzsl.evaluation.training_set import ClipFeatures, SeenClips, View
from audiosetzsl.feature_sets import Stage
from models.training import Pass, Progress

# Fitted models differ in what they can do; a method says what is asked of its own.
Model = Any
Settings = Any  # a frozen dataclass


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
# Settings to choose from, given those that were chosen for the method which this one follows, or None.
Grid = Callable[[Settings], tuple[Settings, ...]]
Spaces = Mapping[Embed, frozenset[Direction]]  # which directions are searched in which space
# Learns from seen clips: they, the class vectors, the settings and how.
Fit = Callable[[SeenClips, np.ndarray, Settings, How], Model]


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the paper's tables.

    `grid` are the settings to choose from on val; where `follows` names another method, they are made of what was
    chosen for that one. `candidates` gives a fitted model for each of them, in their order,
    where that costs less than fitting them one by one. `scores` gives a score matrix for each kind of inference;
    `spaces` says which directions are searched in which space.
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
