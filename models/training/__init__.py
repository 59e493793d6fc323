"""Training by gradients: the one trainer, its settings, its progress, its devices, what it tells of every pass."""

from models.training.passes import Pass, Step, best_of, to_tensorboard, write_passes
from models.training.progress import Progress
from models.training.settings import Optimising
from models.training.team import ALONE, Share, Team, on_devices
from models.training.train import train

__all__ = [
    "ALONE",
    "Optimising",
    "Pass",
    "Progress",
    "Share",
    "Step",
    "Team",
    "best_of",
    "on_devices",
    "to_tensorboard",
    "train",
    "write_passes",
]
