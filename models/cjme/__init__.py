"""CJME: the paper's network, its losses, its training, its ways to a decision; and its variants of a single view."""

from models.cjme.files import load_cjme, load_single, save_cjme, save_single
from models.cjme.fit import fit_cjme
from models.cjme.inference import Inference, score_by
from models.cjme.network import Cjme, CjmeConfig
from models.cjme.settings import PRESETS, CjmeTraining
from models.cjme.single import SingleConfig, SingleTraining, SingleView, fit_single

__all__ = [
    "PRESETS",
    "Cjme",
    "CjmeConfig",
    "CjmeTraining",
    "Inference",
    "SingleConfig",
    "SingleTraining",
    "SingleView",
    "fit_cjme",
    "fit_single",
    "load_cjme",
    "load_single",
    "save_cjme",
    "save_single",
    "score_by",
]
