"""Work: where the files of a reproduction lie, how its trainings run, and what names of files are made of."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets import Protocol
from audiosetzsl.shards import Recipe
from flows.reproducing.method import How, Settings
from models.training import Progress, to_tensorboard

CODE = 3  # raised by whoever changes what the same features and settings come to


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reproduction of one feature set lies."""

    root: Path
    data_set: str
    digest: str  # of the feature set

    @property
    def inputs(self) -> Path:
        """The features as plain arrays."""
        return self.root / "inputs" / self.digest[:12]

    def file(self, kind: str, recipe: Recipe, suffix: str) -> Path:
        """The file of a trial, a choice, an outcome, of passes or of progress."""
        return self.root / kind / f"{recipe.name}-{recipe.fingerprint}{suffix}"


@dataclass(frozen=True, slots=True)
class Work:
    """How trainings are worked on; nothing of it changes the name of what they come to."""

    device: str = "cpu"
    to_tensorboard: bool = False  # whether every pass is shown while training

    @contextmanager
    def how(self, place: Place, recipe: Recipe, seed: int) -> Iterator[How]:
        """How one training runs, which goes on where it was broken off."""
        # A training that goes on elsewhere begins anew: a GPU draws other masks of dropout than a CPU.
        kind = self.device.split(":")[0]
        progress = Progress(place.file("progress", recipe, f"-{kind}.safetensors"), recipe.fingerprint)
        how = How(seed, self.device, progress=progress)
        if not self.to_tensorboard:
            yield how
            return
        with to_tensorboard(place.file("tensorboard", recipe, "")) as tell:
            yield replace(how, on_pass=tell)


def facts_of(protocol: Protocol, place: Place) -> dict[str, object]:
    """What everything depends on that is learnt or tried."""
    return {"inputs": place.digest, "protocol": str(protocol), "code": CODE}


def as_facts(settings: Settings) -> object:
    """Settings in plain JSON."""
    facts: object = json.loads(json.dumps(asdict(settings) if settings else None, default=str))
    return facts


@contextmanager
def named(work: object) -> Iterator[None]:
    """Say in every error on which of many trainings it was met.

    Raises:
        SetupError: as it was; or the memory of a GPU was too small for all that share it.
    """
    try:
        yield
    except torch.OutOfMemoryError as problem:
        raise SetupError(
            f"{work}: the memory of the GPU, which all workers share, ran out; nothing is lost: take fewer --workers "
            "and run the same command again"
        ) from problem
    except SetupError as problem:
        raise type(problem)(f"{work}: {problem}") from problem
