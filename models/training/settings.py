"""Settings of a training: optimiser, steps down of its rate, how many passes, when to stop."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

OptimiserName = Literal["adam", "adamw", "sgd"]


@dataclass(frozen=True, slots=True)
class Optimising:
    """How a network is trained; a pass is as many draws as there are clips."""

    optimiser: OptimiserName = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.0  # of sgd
    weight_decay: float = 0.0
    decay_at: tuple[int, ...] = (30, 60, 90)  # passes after which the rate is multiplied by decay_factor
    decay_factor: float = 0.1
    batch_size: int = 1024
    passes: int = 100
    patience: int = 20  # passes without a better val before training stops

    def of(self, model: nn.Module) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
        """The optimiser of a model, and the schedule of its rate."""
        decay, rate = self.weight_decay, self.learning_rate
        optimiser: torch.optim.Optimizer
        if self.optimiser == "sgd":
            optimiser = torch.optim.SGD(model.parameters(), rate, self.momentum, weight_decay=decay)
        else:
            kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[self.optimiser]
            optimiser = kind(model.parameters(), rate, weight_decay=decay)
        return optimiser, torch.optim.lr_scheduler.MultiStepLR(optimiser, self.decay_at, self.decay_factor)
