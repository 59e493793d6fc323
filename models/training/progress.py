"""Progress of a training in a file, so that one that is killed at any step goes on and ends as if it had not been."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from audiosetzsl.errors import SetupError
from models.checkpoint import load_checkpoint, save_checkpoint
from models.training.passes import Pass, best_of

KIND = "training"
FACTS = {"made_of": dict, "passes": list, "steps": int, "seconds": float}  # beside the weights
ADVICE = "delete it to begin anew, or name another file"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a training keeps how far it has come; the file goes when it has ended."""

    path: Path
    made_of: str  # tells apart what `train` does not see: the data, the shape of the network, the loss
    every_s: float = 30.0  # at whatever step; less is lost, and more written


@dataclass(slots=True)
class Run:
    """A training as far as it has come: all that the next step depends on."""

    model: nn.Module
    optimiser: torch.optim.Optimizer
    passes: list[Pass] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)  # weights after the best pass
    steps: int = 0  # done of the running pass
    sums: dict[str, Tensor] = field(default_factory=dict)  # of what these steps told
    began: float = field(
        default_factory=time.monotonic
    )  # the running pass, or earlier by what was done before

    @property
    def seconds(self) -> float:
        """What the running pass took so far, without the time between a kill and its resumption."""
        return time.monotonic() - self.began

    def end_step(self, told: Mapping[str, Tensor]) -> None:
        """Note what a step told."""
        self.sums = (
            {name: self.sums[name] + value for name, value in told.items()} if self.sums else dict(told)
        )
        self.steps += 1

    def means(self) -> tuple[float, dict[str, float]]:
        """Loss and other numbers told, as means over the steps of the running pass."""
        means = {name: float(total) / self.steps for name, total in self.sums.items()}
        return means.pop("loss"), means

    def end_pass(self, done: Pass) -> None:
        """Note a pass, and its weights if it is the best."""
        self.passes.append(done)
        if best_of(self.passes) is done:
            self.best = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        self.steps, self.sums, self.began = 0, {}, time.monotonic()


class Keeper:
    """Writes a run when it is time to, if it has a file, and is the one of several devices that does."""

    def __init__(self, progress: Progress | None, made_of: Mapping[str, Any], *, writes: bool) -> None:
        self._progress, self._writes = progress, writes
        # Through JSON, as it will come back from the file.
        self._made_of: dict[str, Any] = json.loads(json.dumps(made_of))
        if progress:
            self._made_of["made_of"] = progress.made_of
        self._written = time.monotonic()

    def resume(self, run: Run) -> None:
        """Bring a run that is about to begin to where the file left it, if there is one.

        Raises:
            SetupError: the file is damaged, or of another training.
        """
        if self._progress and self._progress.path.is_file():
            _resume(run, self._progress.path, self._made_of)

    def look(self, run: Run) -> None:
        """Write the run if it is time to."""
        if self._progress and self._writes and time.monotonic() - self._written >= self._progress.every_s:
            _save(run, self._progress.path, self._made_of)
            self._written = time.monotonic()

    def end(self) -> None:
        """Remove the file: there is nothing to go on with."""
        if self._progress and self._writes:
            self._progress.path.unlink(missing_ok=True)


def _save(run: Run, path: Path, made_of: Mapping[str, Any]) -> None:
    state = {f"model.{name}": tensor for name, tensor in run.model.state_dict().items()}
    state |= {f"best.{name}": tensor for name, tensor in run.best.items()}
    state |= {f"sum.{name}": tensor for name, tensor in run.sums.items()}
    for index, held in run.optimiser.state_dict()["state"].items():
        state |= {f"optimiser.{index}.{name}": value for name, value in held.items() if value is not None}
    facts = {"made_of": made_of, "passes": [asdict(one) for one in run.passes]}
    save_checkpoint(path, KIND, state, {**facts, "steps": run.steps, "seconds": run.seconds})


def _resume(run: Run, path: Path, made_of: Mapping[str, Any]) -> None:
    state, facts, passes = _read(path)
    if facts["made_of"] != made_of:
        keys = {*made_of, *facts["made_of"]}
        other = sorted(k for k in keys if facts["made_of"].get(k) != made_of.get(k))
        raise SetupError(f"{path} is of a training with other {', '.join(other)}; {ADVICE}")
    device = next(run.model.parameters()).device
    parts: dict[str, dict[str, Tensor]] = {"model": {}, "best": {}, "sum": {}, "optimiser": {}}
    for name, tensor in state.items():
        part, _, rest = name.partition(".")
        parts[part][rest] = tensor
    run.model.load_state_dict(parts["model"])
    run.best, run.sums = ({k: v.to(device) for k, v in parts[part].items()} for part in ("best", "sum"))
    held: dict[int, dict[str, Tensor]] = {}
    for name, tensor in parts["optimiser"].items():
        index, _, rest = name.partition(".")
        held.setdefault(int(index), {})[rest] = tensor
    run.optimiser.load_state_dict({**run.optimiser.state_dict(), "state": held})
    run.passes = passes
    run.steps, run.began = facts["steps"], time.monotonic() - facts["seconds"]


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any], list[Pass]]:
    """Weights, facts and passes of a file.

    Raises:
        SetupError: it is damaged or of another version.
    """
    try:
        state, facts = load_checkpoint(path, KIND)
    except SetupError as problem:
        raise SetupError(f"{problem}: {ADVICE}") from problem
    if absent := [name for name, kind in FACTS.items() if not isinstance(facts.get(name), kind)]:
        raise SetupError(f"{path} is of another version (it has no {', '.join(absent)}); {ADVICE}")
    try:
        return state, facts, [Pass(**one) for one in facts["passes"]]
    except TypeError as problem:
        raise SetupError(f"{path} is of another version ({problem}); {ADVICE}") from problem
