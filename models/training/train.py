"""Training: steps down a loss, the best state on val kept, the same from the same seed."""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from audiosetzsl.errors import SetupError
from models.training.settings import Optimising

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of every batch is worked on here: all of it, or one of several devices' equal parts."""

    index: int = 0
    of: int = 1

    def part(self, batch: Shaped[Tensor, " n *rest"]) -> Shaped[Tensor, " m *rest"]:
        """The part of a batch, which was drawn alike on all devices."""
        return batch[self.index :: self.of]


@dataclass(frozen=True, slots=True)
class Step:
    """What a batch came to: the loss to go down, and numbers to tell, all means over the batch."""

    loss: Tensor
    told: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass came to: means over its steps."""

    number: int
    loss: float
    told: Mapping[str, float]
    val: float | None  # None where nothing is validated


def train(
    model: M,
    step: Callable[[torch.Generator, Share], Step],
    steps_per_pass: int,
    optimising: Optimising,
    *,
    seed: int,
    validate: Callable[[M], float] | None,
    on_pass: Callable[[Pass], None] | None = None,
) -> M:
    """Train a model where it is, and leave it in its best state.

    Args:
        model: its first weights are the caller's, its device too.
        step: draws a batch with the generator, which is the same on all devices, and gives the loss of this share.
        steps_per_pass: how many.
        optimising: optimiser, schedule, passes, patience.
        seed: of dropout and of what is drawn.
        validate: what to maximise over passes, higher is better; None keeps the last pass.
        on_pass: told about every pass.

    Raises:
        SetupError: training diverged.
    """
    optimiser, schedule = optimising.of(model)
    generator = torch.Generator().manual_seed(seed)
    best, best_pass, best_state = -math.inf, 0, copy.deepcopy(model.state_dict())
    for number in range(1, optimising.passes + 1):
        done = _one_pass(model, step, steps_per_pass, optimiser, generator)
        loss = done.pop("loss")
        if not math.isfinite(loss):
            raise SetupError(
                f"training diverged in pass {number} (loss is {loss}); "
                f"lower learning_rate, now {optimising.learning_rate}"
            )
        schedule.step()
        val = validate(model) if validate else None
        if on_pass:
            on_pass(Pass(number, loss, done, val))
        if val is None or val > best:
            best = best if val is None else val
            best_pass, best_state = number, copy.deepcopy(model.state_dict())
        elif number - best_pass >= optimising.patience:
            break
    model.load_state_dict(best_state)
    return model


def _one_pass(
    model: nn.Module,
    step: Callable[[torch.Generator, Share], Step],
    n_steps: int,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
) -> dict[str, float]:
    sums: dict[str, Tensor] = {}
    model.train()
    for _ in range(n_steps):
        made = step(generator, Share())
        optimiser.zero_grad()
        torch.autograd.backward(made.loss)
        optimiser.step()
        for name, value in {"loss": made.loss.detach(), **made.told}.items():
            sums[name] = sums.get(name, torch.zeros_like(value)) + value
    model.eval()
    return {name: float(value) / n_steps for name, value in sums.items()}
