"""Methods of the paper's tables by name: CJME, its variants, single views, and those it is compared with."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
import torch

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.closeness import closeness
from audiosetzsl.evaluation.retrieval import Direction, Embeddings
from audiosetzsl.evaluation.training_set import ClipFeatures, SeenClips, View
from audiosetzsl.feature_sets import Stage
from flows.reproducing.method import Grid, How, Method, Spaces
from flows.reproducing.rows import BASE
from models.baselines.ale import ALE_GRID, fit_ale
from models.baselines.conse import CONSE_GRID, conse_grid, fit_conse
from models.baselines.devise import DEVISE_GRID, fit_devise
from models.baselines.eszsl import ESZSL_GRID, eszsl_grid, fit_eszsl
from models.baselines.gcca import GccaSettings, fit_gcca
from models.baselines.pretrained import fit_pretrained
from models.baselines.sae import SAE_GRID, fit_sae, sae_grid
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
from models.training import Team

BOTH = frozenset({View.AUDIO, View.VIDEO})
NEEDS = {View.AUDIO: frozenset({View.AUDIO}), View.VIDEO: frozenset({View.VIDEO}), View.CONCAT: BOTH}
TEXT_TO = {
    View.AUDIO: Direction.TEXT_TO_AUDIO,
    View.VIDEO: Direction.TEXT_TO_VIDEO,
    View.CONCAT: Direction.TEXT_TO_BOTH,
}
ACROSS = frozenset({Direction.AUDIO_TO_VIDEO, Direction.VIDEO_TO_AUDIO})
OF_CLASSES = frozenset({Direction.TEXT_TO_AUDIO, Direction.TEXT_TO_VIDEO})
XI = 0.1  # of eq. 7 at test, where nothing was trained with it
XIS = (0.02, 0.05, 0.1)
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
            lambda before: (GccaSettings(),),
            spaces={_embed: OF_CLASSES | ACROSS},
            is_drawn=False,
        ),
        *(rival for view in View for rival in _rivals(view)),
    ]
    return {one.name: one for one in found}


def _cjme(name: str, *, attention: bool, grid: Grid, follows: str | None = None) -> Method:
    """CJME; its inferences without attention are those of the paper's lines `CJME` and `no attn`."""
    kinds = [Inference.AUDIO, Inference.VIDEO, Inference.BOTH, Inference.EQ7]
    kinds += [Inference.SELECTED] if attention else []

    def fit(seen: SeenClips, vectors: np.ndarray, settings: CjmeSettings, how: How) -> Cjme:
        widths = seen.clips.audio.shape[1], seen.clips.video.shape[1], vectors.shape[1]
        config = CjmeConfig(*widths, attention=attention, **_shape_of(settings))
        return fit_cjme(seen, vectors, config, settings.training, **_told(how))

    def scores(model: Cjme, clips: ClipFeatures, vectors: np.ndarray) -> dict[str, np.ndarray]:
        embeddings = model.embed(clips, vectors)
        return {str(kind): score_by(embeddings, kind) for kind in kinds}

    def embed(model: Cjme, clips: ClipFeatures, vectors: np.ndarray) -> Embeddings:
        embeddings = model.embed(clips, vectors)
        if attention:
            return embeddings
        by_audio, by_video = (closeness(e, embeddings.text) for e in (embeddings.audio, embeddings.video))
        return replace(embeddings, alpha=surer_weight(by_audio, by_video, XI))

    made = Method(name, BOTH, fit, grid, scores, {embed: frozenset(Direction)}, follows=follows)
    return replace(made, with_passes=_with_passes)


def _in_every_shape(before: None) -> tuple[CjmeSettings, ...]:
    """The grid of CJME without attention: what suits the features."""
    paper = PRESETS["paper"]
    return tuple(CjmeSettings(shape, replace(paper, margin=_margin(shape, paper.margin))) for shape in SHAPES)


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
        return fit_single(seen, vectors, config, settings.training, **_told(how))

    def grid(before: None) -> tuple[SingleSettings, ...]:
        training = SingleTraining()
        return tuple(
            SingleSettings(shape, replace(training, margin=_margin(shape, training.margin)))
            for shape in SHAPES
        )

    spaces: Spaces = {_embed: frozenset({TEXT_TO[view]})}
    return Method(str(view), NEEDS[view], fit, grid, _scores, spaces, with_passes=_with_passes)


def _rivals(view: View) -> list[Method]:
    """The methods of table 7 on one view."""
    return [
        _closed("conse", view, fit_conse, CONSE_GRID, conse_grid),
        _drawn("devise", view, fit_devise, DEVISE_GRID),
        _closed("sae", view, fit_sae, SAE_GRID, sae_grid),
        _closed("eszsl", view, fit_eszsl, ESZSL_GRID, eszsl_grid),
        _drawn("ale", view, fit_ale, ALE_GRID),
    ]


def _closed(
    name: str,
    view: View,
    fit: Callable[..., Any],
    grid: tuple[Any, ...],
    cells: Callable[..., Iterable[tuple[Any, Any]]],
) -> Method:
    """A method in which nothing is drawn, and whose grid shares most of its work."""

    def candidates(stage: Stage, grid: tuple[Any, ...]) -> Iterable[Any]:
        return (model for _, model in cells(stage.train, stage.class_vectors, grid, view=view))

    def fitted(seen: SeenClips, vectors: np.ndarray, settings: Any, how: How) -> Any:
        return fit(seen, vectors, settings, view=view)

    return Method(
        f"{name}-{view}",
        NEEDS[view],
        fitted,
        lambda before: grid,
        _scores,
        candidates=candidates,
        is_drawn=False,
    )


def _drawn(name: str, view: View, fit: Callable[..., Any], grid: tuple[Any, ...]) -> Method:
    """A method that is trained by gradients."""

    def fitted(seen: SeenClips, vectors: np.ndarray, settings: Any, how: How) -> Any:
        return fit(seen, vectors, settings, view=view, **_told(how))

    return Method(
        f"{name}-{view}", NEEDS[view], fitted, lambda before: grid, _scores, with_passes=_with_passes
    )


def _told(how: How) -> dict[str, Any]:
    """What every training by gradients is told besides its settings."""
    return {
        "seed": how.seed,
        "validate": how.validate,
        "on_pass": how.on_pass,
        "progress": how.progress,
        "team": Team(torch.device(how.device)),
    }


def _with_passes(settings: Any, passes: int) -> Any:
    """The same settings for just so many passes."""
    if hasattr(settings, "training"):
        return replace(settings, training=_with_passes(settings.training, passes))
    return replace(settings, optimising=replace(settings.optimising, passes=passes))


def _scores(model: Any, clips: ClipFeatures, vectors: np.ndarray) -> dict[str, np.ndarray]:
    return {"": model.scores(clips, vectors)}


def _embed(model: Any, clips: ClipFeatures, vectors: np.ndarray) -> Embeddings:
    embeddings: Embeddings = model.embed(clips, vectors)
    return embeddings
