"""Training by gradients: the one trainer, its settings, what it tells of every pass."""

from models.training.settings import Optimising
from models.training.train import Pass, Share, Step, train

__all__ = ["Optimising", "Pass", "Share", "Step", "train"]
