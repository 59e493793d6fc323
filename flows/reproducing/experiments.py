"""Experiments: what has to be learnt for the tables, each with a file of its own that marks it as done."""

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from audiosetzsl.feature_sets import Protocol, stage_of
from audiosetzsl.files import write_bytes
from audiosetzsl.shards import Recipe
from flows.reproducing.curves import write_curves
from flows.reproducing.laid_out import open_laid_out
from flows.reproducing.learning import choose, learn
from flows.reproducing.method import How, Settings
from flows.reproducing.methods import method
from flows.reproducing.outcome import Source, measure, write_outcome
from models.training import Progress, write_passes

CODE = 1  # raised by whoever changes what the same features and settings come to
TUNING_SEED = 0  # of the one training a setting by which a grid is searched


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
        """The file of a choice, of an outcome, of passes or of progress."""
        return self.root / kind / f"{recipe.name}-{recipe.fingerprint}{suffix}"


@dataclass(frozen=True, slots=True)
class Search:
    """A grid of settings for a method is to be searched on val, under a protocol."""

    method: str
    protocol: Protocol
    place: Place
    device: str
    grid: tuple[Settings, ...]
    recipe: Recipe  # what the choice depends on

    @staticmethod
    def of(
        name: str, protocol: Protocol, place: Place, device: str, before: "Search | None" = None
    ) -> "Search":
        """The search for a method; `before` is that of the method which it follows, and is done."""
        grid = method(name).grid(before.chosen() if before else None)
        facts = {"inputs": place.digest, "protocol": str(protocol), "grid": [_as_facts(one) for one in grid]}
        return Search(name, protocol, place, device, grid, Recipe(name, {**facts, "code": CODE}))

    @property
    def path(self) -> Path:
        """The file of what was chosen."""
        return self.place.file("choices", self.recipe, ".json")

    def chosen(self) -> Settings:
        """The settings that were chosen."""
        return self.grid[json.loads(self.path.read_text())["index"]]


@dataclass(frozen=True, slots=True)
class Experiment:
    """A method is to be fitted with what was chosen, from one seed, and measured on test."""

    method: str
    protocol: Protocol
    place: Place
    device: str
    settings: Settings
    seed: int
    recipe: Recipe  # what the outcome depends on

    @staticmethod
    def of(search: Search, seed: int) -> "Experiment":
        """An experiment with what a search, which is done, has chosen."""
        name, settings, protocol, place = search.method, search.chosen(), search.protocol, search.place
        facts = {"inputs": place.digest, "protocol": str(protocol), "seed": seed, "code": CODE}
        recipe = Recipe(name, {**facts, "settings": _as_facts(settings)})
        return Experiment(name, protocol, place, search.device, settings, seed, recipe)

    @property
    def path(self) -> Path:
        """The file of its outcome."""
        return self.place.file("outcomes", self.recipe, ".parquet")

    @property
    def curves(self) -> Path:
        """The file of its curves, which only the first seed has."""
        return self.place.file("curves", self.recipe, ".parquet")


def search(one: Search) -> None:
    """Search a grid, unless that is done."""
    if one.path.is_file():
        return
    torch.set_num_threads(1)  # as many work side by side
    tried, clips = method(one.method), open_laid_out(one.place.inputs)
    found = choose(tried, one.grid, stage_of(clips, one.protocol), How(TUNING_SEED, one.device))
    told = {**asdict(found), "grid": [_as_facts(cell) for cell in one.grid]}
    write_bytes(one.path, (json.dumps(told, indent=1) + "\n").encode())


def experiment(one: Experiment) -> None:
    """Fit and measure, unless that is done; a training that broke off goes on where it was."""
    if one.path.is_file():
        return
    torch.set_num_threads(1)
    asked, clips = method(one.method), open_laid_out(one.place.inputs)
    stage = stage_of(clips, one.protocol)
    progress = Progress(one.place.file("progress", one.recipe, ".safetensors"), one.recipe.fingerprint)
    began = time.monotonic()
    learnt = learn(
        asked, clips, stage, one.protocol, one.settings, How(one.seed, one.device, progress=progress)
    )
    found, curves = measure(asked, learnt, clips, stage)
    if curves and one.seed == 0:
        write_curves(one.curves, curves)
    if learnt.passes:
        write_passes(one.place.file("passes", one.recipe, ".parquet"), learnt.passes)
    seconds = time.monotonic() - began
    source = Source(one.place.data_set, asked.name, str(one.protocol), one.seed, seconds)
    write_outcome(one.path, source, found, one.recipe)


def seeds_of(name: str, n_seeds: int) -> range:
    """Seeds of a method; where nothing is drawn, one is all."""
    return range(n_seeds if method(name).is_drawn else 1)


def _as_facts(settings: Settings) -> object:
    """Settings in plain JSON."""
    facts: object = json.loads(json.dumps(asdict(settings) if settings else None, default=str))
    return facts
