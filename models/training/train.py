"""Training: steps down a loss, the best state on val kept, the same from the same seed and after any kill."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from audiosetzsl.errors import DivergedError
from models.training.passes import Pass, Step, is_over
from models.training.progress import Keeper, Progress, Run
from models.training.settings import Optimising
from models.training.team import ALONE, Share, Team, precise

M = TypeVar("M", bound=nn.Module)


def train(
    model: M,
    step: Callable[[torch.Generator, Share], Step],
    steps_per_pass: int,
    optimising: Optimising,
    *,
    seed: int,
    validate: Callable[[M], float] | None,
    on_pass: Callable[[Pass], None] | None = None,
    progress: Progress | None = None,
    team: Team = ALONE,
) -> M:
    """Train a model where it is, and leave it in its best state.

    Every step has seeds of its own, made of `seed`, the pass and its place in it. So a step depends on nothing but
    these and the weights, and a training that goes on from a file ends with the very same ones.

    Args:
        model: its first weights are the caller's, its device too.
        step: draws a batch with the generator, and gives the loss of this share of it; it remembers nothing.
            Batches are drawn alike on all devices; dropout, from torch's own generator, differs between them.
        steps_per_pass: how many.
        optimising: optimiser, rates, passes, patience, precision.
        seed: of dropout and of what is drawn, 0 or more.
        validate: what to maximise over passes, higher is better; None keeps the last pass.
        on_pass: told about every pass, those before a resumption too.
        progress: file from which to go on, and to which progress is written meanwhile.
        team: the devices that train this model together; see `on_devices`.

    Raises:
        SetupError: training diverged, or the progress is damaged or of another training.
    """
    run, tell = Run(model, optimising.optimiser_of(model)), on_pass or (lambda _: None)
    weights = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
    # Devices of another kind, or another number of them, would draw other masks of dropout.
    devices = {"kind": team.device.type, "number": team.share.of}
    made_of = {
        "optimising": asdict(optimising),
        "seed": seed,
        "steps_per_pass": steps_per_pass,
        "devices": devices,
        "weights": weights,
        "validated": validate is not None,  # passes with val and without cannot be compared
    }
    keeper = Keeper(progress, made_of, writes=team.share.index == 0)
    keeper.resume(run)
    _mean(0.0, model, team)  # waits until all devices have read the file: the first is about to write it anew
    for done in run.passes:
        tell(done)
    with _dropout_of(model) as dropout:
        while not is_over(run.passes, optimising.passes, optimising.patience):
            number = len(run.passes) + 1
            rate = optimising.rate_in(number)
            for group in run.optimiser.param_groups:
                group["lr"] = rate
            seeds = _seeds(seed, number, steps_per_pass, team.share)
            with precise(model, optimising.precision):
                _steps(run, step, seeds, dropout, keeper, team)
            loss, told = run.means()
            fault, val = _not_finite(model, loss, None), None
            if validate and not fault:
                with torch.no_grad():
                    val = _mean(validate(model), model, team)
                fault = _not_finite(model, loss, val)
            if fault:
                keeper.end()  # to go on from there could only end here again
                raise DivergedError(
                    f"training diverged in pass {number} ({fault}); lower learning_rate, now {rate}"
                )
            run.end_pass(Pass(number, loss, told, val, rate, run.seconds))
            keeper.look(run)
            tell(run.passes[-1])
    model.load_state_dict(run.best)
    keeper.end()
    return model


def _steps(
    run: Run,
    step: Callable[[torch.Generator, Share], Step],
    seeds: Sequence[tuple[int, int]],
    dropout: torch.Generator,
    keeper: Keeper,
    team: Team,
) -> None:
    """Do the steps of a pass, or what is left of them."""
    draws = torch.Generator()
    run.model.train()
    for of_draws, of_dropout in seeds[run.steps :]:
        draws.manual_seed(of_draws)
        dropout.manual_seed(of_dropout)
        made = step(draws, team.share)
        run.optimiser.zero_grad()
        torch.autograd.backward(made.loss)
        told = _over_devices(run.model, {"loss": made.loss.detach(), **made.told}, team)
        run.optimiser.step()
        run.end_step(told)
        keeper.look(run)
    run.model.eval()


def _seeds(seed: int, number: int, n_steps: int, share: Share) -> list[tuple[int, int]]:
    """Of each step of a pass: what is drawn, the same on all devices, and dropout, another on each."""
    of_draws, of_dropout = (
        np.random.SeedSequence([seed, number, part]).generate_state(n_steps).tolist()
        for part in (0, 1 + share.index)
    )
    return list(zip(of_draws, of_dropout, strict=True))


@contextmanager
def _dropout_of(model: nn.Module) -> Iterator[torch.Generator]:
    """The generator that dropout draws from: torch's own of the model's device, given back as it was."""
    device = next(model.parameters()).device
    generator = torch.default_generator
    if device.type == "cuda":
        generator = torch.cuda.default_generators[device.index or 0]
    before = generator.get_state()
    try:
        yield generator
    finally:
        generator.set_state(before)


def _over_devices(model: nn.Module, told: Mapping[str, Tensor], team: Team) -> dict[str, Tensor]:
    """Average over the devices, where there are several, the gradients where they are and what was told."""
    if team.share.of == 1:
        return dict(told)
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    parts = [*gradients, *(value.to(gradients[0]) for value in told.values())]
    # As one tensor, since a message costs more than its length.
    mean_of_all = team.mean(torch.cat([part.flatten() for part in parts]))
    means = torch.split(mean_of_all, [part.numel() for part in parts])
    for gradient, mean in zip(gradients, means[: len(gradients)], strict=True):
        gradient.copy_(mean.view_as(gradient))
    return {name: mean[0] for name, mean in zip(told, means[len(gradients) :], strict=True)}


def _mean(value: float, model: nn.Module, team: Team) -> float:
    """Of the devices' values, so that all of them decide alike."""
    device = next(model.parameters()).device
    return float(team.mean(torch.tensor(value, dtype=torch.float64, device=device)))


def _not_finite(model: nn.Module, loss: float, val: float | None) -> str:
    """What is no finite number after a pass: nothing can be learnt from there, and nobody should keep it."""
    for name, value in (("loss", loss), ("val", val)):
        if value is not None and not math.isfinite(value):
            return f"{name} is {value}"
    # The last step is in no loss of its pass.
    wrong = (name for name, tensor in model.state_dict().items() if not torch.isfinite(tensor).all())
    return next((f"{name} is not finite" for name in wrong), "")
