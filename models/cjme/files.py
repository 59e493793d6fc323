"""Files of fitted networks: weights and configuration, of CJME and of a network of a single view."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from torch import nn

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import View
from models.checkpoint import fill, load_checkpoint, save_checkpoint
from models.cjme.network import Cjme, CjmeConfig
from models.cjme.single import SingleConfig, SingleView
from models.inputs import InputForm

M = TypeVar("M", bound=nn.Module)


def save_cjme(model: Cjme, path: Path) -> Path:
    """Write a fitted model with its configuration."""
    return save_checkpoint(path, "cjme", model.state_dict(), {"config": asdict(model.config)})


def load_cjme(path: Path) -> Cjme:
    """Read a fitted model.

    Raises:
        SetupError: the file is absent, damaged, of another version, or no CJME.
    """
    return _load(path, "cjme", lambda config: Cjme(CjmeConfig(**config)))


def save_single(model: SingleView, path: Path) -> Path:
    """Write a fitted model of a single view with its configuration."""
    return save_checkpoint(path, "single-view", model.state_dict(), {"config": asdict(model.config)})


def load_single(path: Path) -> SingleView:
    """Read a fitted model of a single view.

    Raises:
        SetupError: the file is absent, damaged, of another version, or no model of a single view.
    """
    return _load(path, "single-view", lambda config: SingleView(SingleConfig(**config)))


def _load(path: Path, kind: str, make: Callable[[dict[str, Any]], M]) -> M:
    state, facts = load_checkpoint(path, kind)
    config, kinds = facts.get("config"), {"inputs": InputForm, "words": InputForm, "view": View}
    if not isinstance(config, dict):
        raise SetupError(
            f"{path} is of another version (it has no config); delete it and train the model again"
        )
    try:
        model = make({name: kinds.get(name, lambda v: v)(value) for name, value in config.items()})
    except (TypeError, ValueError, SetupError) as problem:
        raise SetupError(
            f"{path} is of another version ({problem}); delete it and train the model again"
        ) from problem
    fill(model, state, path)
    return model
