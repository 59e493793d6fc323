"""Learning under a protocol: settings, passes and beta are chosen on val, then the last model is fitted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from audiosetzsl.evaluation.protocol import choose_beta
from audiosetzsl.feature_sets import FeatureSet, Protocol, Stage, last_stage
from flows.reproducing.method import How, Method, Model, Settings
from models.training import Pass, Progress, best_of


@dataclass(frozen=True, slots=True)
class Choice:
    """Settings that did best on val, and how well each did; one that was alone was not tried."""

    index: int  # in the grid
    harmonics: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Learnt:
    """A model for test, and the val scores by which beta is chosen, of each kind of inference."""

    model: Model
    val: Mapping[str, np.ndarray]
    passes: tuple[Pass, ...]  # of the stage that chose how many; empty for closed forms


def choose(method: Method, grid: tuple[Settings, ...], stage: Stage, how: How) -> Choice:
    """Try every setting of a grid on val; ties go to the first."""
    if len(grid) == 1:
        return Choice(0, ())
    if method.candidates:
        models = iter(method.candidates(stage, grid))
    else:
        judged = replace(how, validate=lambda model: val_harmonic(stage, model), on_pass=None)
        models = (method.fit(stage.train, stage.class_vectors, one, judged) for one in grid)
    harmonics = tuple(val_harmonic(stage, model) for model in models)
    return Choice(int(np.argmax(harmonics)), harmonics)


def learn(
    method: Method, clips: FeatureSet, stage: Stage, protocol: Protocol, settings: Settings, how: How
) -> Learnt:
    """Fit on the stage; where that held classes out, fit once more on all seen classes, for as many passes."""
    passes: list[Pass] = []
    judged = replace(how, validate=lambda model: val_harmonic(stage, model), on_pass=passes.append)
    model = method.fit(stage.train, stage.class_vectors, settings, judged)
    val = method.scores(model, stage.val, stage.class_vectors) if method.scores else {}
    if protocol is Protocol.STRICT:
        if method.with_passes:
            settings = method.with_passes(settings, best_of(passes).number)
        again = replace(how, progress=how.progress and _of_last_stage(how.progress))
        model = method.fit(last_stage(clips), clips.class_vectors, settings, again)
    return Learnt(model, val, tuple(passes))


def val_harmonic(stage: Stage, model: Model) -> float:
    """HM on val, at the best beta there, by the inference that the method is trained for."""
    return choose_beta(stage.val_scores(model.scores(stage.val, stage.class_vectors))).harmonic


def _of_last_stage(progress: Progress) -> Progress:
    """A file of its own: the stage before may have to be gone through again."""
    return replace(progress, path=progress.path.with_stem(f"{progress.path.stem}-last"))
