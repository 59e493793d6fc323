"""Learning under a protocol: settings, passes and beta are chosen on val, then the last model is fitted."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from audiosetzsl.errors import DivergedError, SetupError
from audiosetzsl.evaluation.protocol import choose_beta
from audiosetzsl.evaluation.retrieval import Direction, Retrieval, retrieve
from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures
from audiosetzsl.feature_sets import FeatureSet, Protocol, Stage, last_stage, stage_of
from flows.reproducing.method import How, Method, Model, Settings
from models.training import Pass, Progress, best_of


@dataclass(frozen=True, slots=True)
class Choice:
    """Settings that did best on val, and how well each did; one that was alone was not tried."""

    index: int  # in the grid
    harmonics: tuple[float, ...]

    @staticmethod
    def of(harmonics: tuple[float, ...]) -> "Choice":
        """The best of a grid; ties go to the first."""
        return Choice(int(np.argmax(harmonics)) if harmonics else 0, harmonics)


@dataclass(frozen=True, slots=True)
class Learnt:
    """A model for test, and the val scores by which beta is chosen, of each kind of inference."""

    model: Model
    val: Mapping[str, np.ndarray]
    passes: tuple[Pass, ...]  # of the stage that chose how many; empty for closed forms


def check_stages(clips: FeatureSet, protocol: Protocol) -> None:
    """Refuse a set that could not be learnt from or measured, before hours are spent on it.

    Raises:
        SetupError: val or test have no clips of seen or of unseen classes, or there is nothing to learn from.
    """
    none = np.empty(
        (len(clips), 0), np.float32
    )  # who has clips is not a question of features, which are large
    stage_of(replace(clips, features=ClipFeatures(none, none)), protocol)
    seen = clips.seen[clips.splits == "test"]
    if seen.all() or not seen.any():
        raise SetupError(
            f"{int(seen.sum())} test clips of seen classes and {int((~seen).sum())} of unseen ones: some of each are "
            "needed to measure"
        )


def try_all(method: Method, grid: tuple[Settings, ...], stage: Stage, how: How) -> tuple[float, ...]:
    """HM on val of every setting of a grid; of a method that only searches, of its mAP, the mean over directions.

    A model whose scores are no numbers counts as 0.
    """
    if method.candidates:
        models = iter(method.candidates(stage, grid))
    else:
        judged = replace(how, validate=lambda model: val_harmonic(stage, model))
        models = (method.fit(stage.train, stage.class_vectors, one, judged) for one in grid)
    figure = val_harmonic if method.scores else partial(_val_retrieval, method)
    found = (figure(stage, model) for model in models)
    return tuple(0.0 if math.isnan(value) else value for value in found)


def learn(
    method: Method, clips: FeatureSet, stage: Stage, protocol: Protocol, settings: Settings, how: How
) -> Learnt:
    """Fit on the stage; where that held classes out, fit once more on all seen classes, for as many passes."""
    passes: list[Pass] = []

    def on_pass(done: Pass) -> None:
        passes.append(done)
        if how.on_pass:
            how.on_pass(done)

    judged = replace(how, validate=lambda model: val_harmonic(stage, model), on_pass=on_pass)
    model = method.fit(stage.train, stage.class_vectors, settings, judged)
    val = method.scores(model, stage.val, stage.class_vectors) if method.scores else {}
    if protocol is Protocol.STRICT:
        if method.with_passes:
            settings = method.with_passes(settings, best_of(passes).number)
        again = replace(how, on_pass=None, progress=how.progress and _of_last_stage(how.progress))
        model = method.fit(last_stage(clips), clips.class_vectors, settings, again)
    return Learnt(model, val, tuple(passes))


def val_harmonic(stage: Stage, model: Model) -> float:
    """HM on val, at the best beta there, by the inference that the method is trained for.

    NaN where scores are no numbers, at which a training ends as one that diverged.
    """
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # what comes of it is looked at
            scores = model.scores(stage.val, stage.class_vectors)
        return choose_beta(stage.val_scores(scores)).harmonic
    except DivergedError:
        return math.nan


def searched(
    method: Method,
    model: Model,
    clips: ClipFeatures,
    labels: np.ndarray,
    class_vectors: np.ndarray,
    classes: ClassTable,
) -> dict[Direction, Retrieval]:
    """What a model finds among clips, in every direction that its method can be asked in."""
    found: dict[Direction, Retrieval] = {}
    for embed, directions in method.spaces.items():
        found |= retrieve(embed(model, clips, class_vectors), labels, classes, directions)
    return found


def _val_retrieval(method: Method, stage: Stage, model: Model) -> float:
    found = searched(method, model, stage.val, stage.val_labels, stage.class_vectors, stage.classes)
    return float(np.mean([one.harmonic for one in found.values()]))


def _of_last_stage(progress: Progress) -> Progress:
    """A file of its own: the stage before may have to be gone through again."""
    return replace(progress, path=progress.path.with_stem(f"{progress.path.stem}-last"))
