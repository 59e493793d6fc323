"""CJME: the paper's network, its losses, its training, its ways to a decision."""

from models.cjme.fit import CjmePass, CjmeTraining, fit_cjme
from models.cjme.network import Cjme, CjmeConfig, Inference, load_cjme, save_cjme, score_by

__all__ = [
    "Cjme",
    "CjmeConfig",
    "CjmePass",
    "CjmeTraining",
    "Inference",
    "fit_cjme",
    "load_cjme",
    "save_cjme",
    "score_by",
]
