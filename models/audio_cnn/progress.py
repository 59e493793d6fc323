"""Progress of a training in a file, so that one that is killed goes on and ends as if it had not been."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from audiosetzsl.errors import SetupError
from models.audio_cnn.network import AudioCnn
from models.audio_cnn.passes import AudioCnnPass
from models.checkpoint import load_checkpoint, save_checkpoint

KIND = "audio_cnn_training"
GENERATOR = "generator"
MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # what Adam remembers of each weight


@dataclass(slots=True)
class Run:
    """A training as far as it has come: all that the next pass depends on."""

    model: AudioCnn
    optimiser: torch.optim.Adam
    generator: torch.Generator
    passes: list[AudioCnnPass]
    best: dict[str, Tensor]  # weights after the best pass

    @staticmethod
    def of(model: AudioCnn, seed: int) -> "Run":
        """A training that is about to begin."""
        generator = torch.Generator().manual_seed(seed)
        return Run(model, torch.optim.Adam(model.parameters()), generator, [], {})


def save_run(run: Run, path: Path, made_of: Mapping[str, Any]) -> Path:
    """Write a training as it is after a pass; `made_of` says which training it is."""
    state = {f"model.{name}": tensor for name, tensor in run.model.state_dict().items()}
    state |= {f"best.{name}": tensor for name, tensor in run.best.items()}
    for name, weight in run.model.named_parameters():
        state |= {f"adam.{moment}.{name}": run.optimiser.state[weight][moment] for moment in MOMENTS}
    state[GENERATOR] = run.generator.get_state()
    facts = {"made_of": dict(made_of), "passes": [asdict(one) for one in run.passes]}
    return save_checkpoint(path, KIND, state, facts)


def resume_run(run: Run, path: Path, made_of: Mapping[str, Any]) -> None:
    """Bring a training that is about to begin to where its file left it.

    Raises:
        SetupError: the file is damaged, or of another training.
    """
    state, facts = load_checkpoint(path, KIND)
    if facts["made_of"] != dict(made_of):
        other = sorted(k for k in made_of if facts["made_of"].get(k) != made_of[k])
        raise SetupError(
            f"{path} is of a training with other {', '.join(other)}; delete it to begin anew, or name another file"
        )
    own = run.model.state_dict()
    run.model.load_state_dict({name: state[f"model.{name}"] for name in own})
    run.best = {name: _like(own[name], state[f"best.{name}"]) for name in own}
    for name, weight in run.model.named_parameters():
        step, *moments = (state[f"adam.{moment}.{name}"] for moment in MOMENTS)
        laid = [_like(weight, moment) for moment in moments]
        run.optimiser.state[weight] = dict(zip(MOMENTS, (step, *laid), strict=True))
    run.generator.set_state(state[GENERATOR])
    run.passes = [AudioCnnPass(**one) for one in facts["passes"]]


def _like(weight: Tensor, saved: Tensor) -> Tensor:
    """A saved tensor on the device and in the order of memory of a weight, as it was before it was saved."""
    return torch.empty_like(weight, requires_grad=False).copy_(saved)
