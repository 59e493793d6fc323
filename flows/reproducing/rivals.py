"""Rivals: the methods of table 7 that CJME is compared with, on any view of the clips."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from audiosetzsl.evaluation.training_set import SeenClips, View
from audiosetzsl.feature_sets import Stage
from flows.reproducing.method import NEEDS, How, Method, plain_scores, told_to_training, with_passes
from models.baselines.ale import ALE_GRID, fit_ale
from models.baselines.conse import CONSE_GRID, conse_grid, fit_conse
from models.baselines.devise import DEVISE_GRID, fit_devise
from models.baselines.eszsl import ESZSL_GRID, eszsl_grid, fit_eszsl
from models.baselines.sae import SAE_GRID, fit_sae, sae_grid


def rivals(view: View) -> list[Method]:
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
        plain_scores,
        candidates=candidates,
        is_drawn=False,
    )


def _drawn(name: str, view: View, fit: Callable[..., Any], grid: tuple[Any, ...]) -> Method:
    """A method that is trained by gradients."""

    def fitted(seen: SeenClips, vectors: np.ndarray, settings: Any, how: How) -> Any:
        return fit(seen, vectors, settings, view=view, **told_to_training(how))

    return Method(
        f"{name}-{view}", NEEDS[view], fitted, lambda before: grid, plain_scores, with_passes=with_passes
    )
