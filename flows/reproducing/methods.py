"""Methods of the paper's tables by name: CJME, its variants, single views, and those it is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.closeness import closeness
from audiosetzsl.evaluation.retrieval import Direction, Embeddings
from audiosetzsl.evaluation.training_set import ClipFeatures, SeenClips, View
from flows.reproducing.method import (
    BOTH,
    NEEDS,
    Grid,
    How,
    Method,
    Spaces,
    plain_scores,
    told_to_training,
    with_passes,
)
from flows.reproducing.rivals import rivals
from flows.reproducing.rows import BASE
from models.baselines.gcca import GCCA_GRID, fit_gcca, gcca_grid
from models.baselines.pretrained import fit_pretrained
from models.cjme import (
    PRESETS,
    Cjme,
    CjmeConfig,
    CjmeTraining,
    Inference,
    SingleConfig,
    SingleTraining,
    SingleView,
    fit_cjme,
    fit_single,
    score_by,
)
from models.cjme.inference import surer_weight
from models.cjme.settings import LossName
from models.inputs import InputForm

TEXT_TO = {
    View.AUDIO: Direction.TEXT_TO_AUDIO,
    View.VIDEO: Direction.TEXT_TO_VIDEO,
    View.CONCAT: Direction.TEXT_TO_BOTH,
}
ACROSS = frozenset({Direction.AUDIO_TO_VIDEO, Direction.VIDEO_TO_AUDIO})
OF_CLASSES = frozenset({Direction.TEXT_TO_AUDIO, Direction.TEXT_TO_VIDEO})
XI = (
    0.1  # of eq. 7 where it chooses what text finds and nothing was trained with it: that of the paper preset
)
XIS = (0.01, 0.02, 0.05, 0.1)
# Table 5: which losses of eq. 4 are on.
ABLATIONS: dict[str, tuple[LossName, ...]] = {
    "cjme-tv": ("TV",),
    "cjme-ta": ("TA",),
    "cjme-ta-tv": ("TA", "TV"),
    "cjme-av-tv": ("AV", "TV"),
    "cjme-av-ta": ("AV", "TA"),
}


@dataclass(frozen=True, slots=True)
class Shape:
    """What of a network is chosen on val, besides its training."""

    inputs: InputForm
    unit_embeddings: bool


@dataclass(frozen=True, slots=True)
class CjmeSettings:
    """Settings of CJME."""

    shape: Shape
    training: CjmeTraining


@dataclass(frozen=True, slots=True)
class SingleSettings:
    """Settings of a network of one view."""

    shape: Shape
    training: SingleTraining


# Inputs in the forms that the rivals choose from; embeddings as they come, with the paper preset's margin, or at
# length 1, as a flag of the authors' code for a later challenge on this dataset has it, with a margin to suit.
SHAPES = tuple(
    Shape(inputs, unit) for unit in (False, True) for inputs in (InputForm.UNIT, InputForm.STANDARD)
)
UNIT_MARGIN = 0.5


def method(name: str) -> Method:
    """Look up a method.

    Raises:
        SetupError: there is none of this name.
    """
    known = methods()
    if name not in known:
        raise SetupError(f"there is no method {name!r}, expected one of {', '.join(known)}")
    return known[name]


@cache
def methods() -> Mapping[str, Method]:
    """All methods by name."""
    found = [
        *(_single(view) for view in View),
        _cjme(BASE, attention=False, grid=_in_every_shape),
        _cjme("cjme", attention=True, grid=_with_every_xi, follows=BASE),
        *(
            _cjme(name, attention=False, grid=partial(_with_losses, on), follows=BASE)
            for name, on in ABLATIONS.items()
        ),
        Method(
            "pre-trained",
            BOTH,
            lambda seen, vectors, settings, how: fit_pretrained(seen, vectors),
            lambda before: (None,),
            spaces={_embed: OF_CLASSES, lambda *asked: asked[0].embed_raw(*asked[1:]): ACROSS},
            is_drawn=False,
        ),
        Method(
            "gcca",
            BOTH,
            lambda seen, vectors, settings, how: fit_gcca(seen, vectors, settings),
            lambda before: GCCA_GRID,
            spaces={_embed: OF_CLASSES | ACROSS},
            candidates=lambda stage, grid: (
                model for _, model in gcca_grid(stage.train, stage.class_vectors, grid)
            ),
            is_drawn=False,
        ),
        *(rival for view in View for rival in rivals(view)),
    ]
    return {one.name: one for one in found}


def _cjme(name: str, *, attention: bool, grid: Grid, follows: str | None = None) -> Method:
    """CJME; its inferences without attention are those of the paper's lines `CJME` and `no attn`."""
    kinds = [Inference.AUDIO, Inference.VIDEO, Inference.BOTH, *([Inference.SELECTED] if attention else [])]

    def fit(seen: SeenClips, vectors: np.ndarray, settings: CjmeSettings, how: How) -> Cjme:
        widths = seen.clips.audio.shape[1], seen.clips.video.shape[1], vectors.shape[1]
        config = CjmeConfig(*widths, attention=attention, **_shape_of(settings))
        return fit_cjme(seen, vectors, config, settings.training, **told_to_training(how))

    def scores(model: Cjme, clips: ClipFeatures, vectors: np.ndarray) -> dict[str, np.ndarray]:
        embeddings = model.embed(clips, vectors)
        scores = {str(kind): score_by(embeddings, kind) for kind in kinds}
        if attention:
            return scores
        return scores | {f"{Inference.EQ7}@{xi}": score_by(embeddings, Inference.EQ7, xi=xi) for xi in XIS}

    def embed(model: Cjme, clips: ClipFeatures, vectors: np.ndarray) -> Embeddings:
        embeddings = model.embed(clips, vectors)
        if attention:
            return embeddings
        by_audio, by_video = (closeness(e, embeddings.text) for e in (embeddings.audio, embeddings.video))
        return replace(embeddings, alpha=surer_weight(by_audio, by_video, XI))

    made = Method(name, BOTH, fit, grid, scores, {embed: frozenset(Direction)}, follows=follows)
    return replace(made, with_passes=with_passes)


def _in_every_shape(before: CjmeTraining | None) -> tuple[CjmeSettings, ...]:
    """The grid of CJME without attention: what suits the features."""
    base = before or PRESETS["paper"]
    return tuple(CjmeSettings(shape, replace(base, margin=_margin(shape, base.margin))) for shape in SHAPES)


def _margin(shape: Shape, raw: float) -> float:
    return UNIT_MARGIN if shape.unit_embeddings else raw


def _shape_of(settings: CjmeSettings | SingleSettings) -> dict[str, Any]:
    return {"inputs": settings.shape.inputs, "unit_embeddings": settings.shape.unit_embeddings}


def _with_every_xi(base: CjmeSettings) -> tuple[CjmeSettings, ...]:
    """The grid of CJME with attention: when eq. 7 prefers a modality."""
    return tuple(replace(base, training=replace(base.training, xi=xi)) for xi in XIS)


def _with_losses(on: tuple[LossName, ...], base: CjmeSettings) -> tuple[CjmeSettings, ...]:
    """A line of table 5: nothing differs from CJME without attention but the losses that are on."""
    return (replace(base, training=replace(base.training, losses=on)),)


def _single(view: View) -> Method:
    """One network for one view of the clips, and the triplet loss alone."""

    def fit(seen: SeenClips, vectors: np.ndarray, settings: SingleSettings, how: How) -> SingleView:
        config = SingleConfig(view, seen.clips.view(view).shape[1], vectors.shape[1], **_shape_of(settings))
        return fit_single(seen, vectors, config, settings.training, **told_to_training(how))

    def grid(before: None) -> tuple[SingleSettings, ...]:
        training = SingleTraining()
        return tuple(
            SingleSettings(shape, replace(training, margin=_margin(shape, training.margin)))
            for shape in SHAPES
        )

    spaces: Spaces = {_embed: frozenset({TEXT_TO[view]})}
    return Method(str(view), NEEDS[view], fit, grid, plain_scores, spaces, with_passes=with_passes)


def _embed(model: Any, clips: ClipFeatures, vectors: np.ndarray) -> Embeddings:
    embeddings: Embeddings = model.embed(clips, vectors)
    return embeddings
