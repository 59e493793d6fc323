"""Searches: settings are chosen on val, one trial after another or side by side, each with a file of its own."""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from audiosetzsl.errors import DivergedError, ShardError
from audiosetzsl.feature_sets import Protocol, stage_of
from audiosetzsl.files import write_bytes
from audiosetzsl.shards import Recipe
from flows.reproducing.laid_out import open_laid_out
from flows.reproducing.learning import Choice, try_all
from flows.reproducing.method import Settings
from flows.reproducing.methods import method
from flows.reproducing.work import Place, Work, as_facts, facts_of, named

log = logging.getLogger(__name__)

TUNING_SEED = 0  # of the one training a setting by which a grid is searched


@dataclass(frozen=True, slots=True)
class Trial:
    """Settings of a method are to be tried on val: one of a grid, or all of it where that costs less."""

    method: str
    protocol: Protocol
    place: Place
    work: Work
    tried: tuple[Settings, ...]
    recipe: Recipe  # what their HMs depend on

    def __str__(self) -> str:
        """What people are shown of it."""
        return f"{self.method}, {self.protocol}, {self.recipe.fingerprint}"

    @property
    def path(self) -> Path:
        """The file of how well they did."""
        return self.place.file("trials", self.recipe, ".json")

    @property
    def is_done(self) -> bool:
        """Whether that is known."""
        return self.path.is_file()

    def harmonics(self) -> list[float]:
        """How well they did, each from 0 to 1.

        Raises:
            ShardError: the file of it is absent or damaged.
        """

        def are_right(found: object) -> bool:
            if not isinstance(found, list) or len(found) != len(self.tried):
                return False
            return all(type(one) in (int, float) and 0 <= one <= 1 for one in found)

        found: list[float] = _read(self.path, "harmonics", are_right)
        return found


@dataclass(frozen=True, slots=True)
class Search:
    """A grid of settings for a method is to be searched on val, under a protocol."""

    method: str
    protocol: Protocol
    place: Place
    work: Work
    grid: tuple[Settings, ...]
    recipe: Recipe  # what the choice depends on

    @staticmethod
    def of(name: str, protocol: Protocol, place: Place, work: Work, before: Settings) -> "Search":
        """The search for a method; `before` are the settings from which its grid begins."""
        grid = method(name).grid(before)
        facts = {**facts_of(protocol, place), "grid": [as_facts(one) for one in grid]}
        return Search(name, protocol, place, work, grid, Recipe(name, facts))

    @property
    def trials(self) -> tuple[Trial, ...]:
        """What has to be tried; settings that are alone are not."""
        if len(self.grid) == 1:
            return ()
        parts = (self.grid,) if method(self.method).candidates else tuple((one,) for one in self.grid)
        return tuple(self._trial(part) for part in parts)

    def _trial(self, tried: tuple[Settings, ...]) -> Trial:
        told = {**facts_of(self.protocol, self.place), "tried": [as_facts(one) for one in tried]}
        return Trial(self.method, self.protocol, self.place, self.work, tried, Recipe(self.method, told))

    @property
    def path(self) -> Path:
        """The file of what was chosen."""
        return self.place.file("choices", self.recipe, ".json")

    def conclude(self) -> None:
        """Write down what was chosen, unless that is done; all that had to be tried has been."""
        if self.path.is_file():
            return
        harmonics = tuple(value for one in self.trials for value in one.harmonics())
        told = {**asdict(Choice.of(harmonics)), "grid": [as_facts(cell) for cell in self.grid]}
        write_bytes(self.path, (json.dumps(told, indent=1) + "\n").encode())

    def chosen(self) -> Settings:
        """The settings that were chosen.

        Raises:
            ShardError: the file of the choice is absent or damaged.
        """
        index = _read(self.path, "index", lambda found: type(found) is int and 0 <= found < len(self.grid))
        return self.grid[index]


def trial(one: Trial) -> None:
    """Try settings, unless that is done; a training that broke off goes on where it was."""
    if one.is_done:
        return
    torch.set_num_threads(1)  # as many work side by side
    clips = open_laid_out(one.place.inputs)
    with one.work.how(one.place, one.recipe, TUNING_SEED) as how, named(one):
        try:
            harmonics = try_all(method(one.method), one.tried, stage_of(clips, one.protocol), how)
        # Others of the grid may do better, and a lone one fails again by name.
        except DivergedError as problem:
            log.warning("%s: %s; it counts as HM 0", one, problem)
            harmonics = (0.0,) * len(one.tried)
    write_bytes(one.path, (json.dumps({"harmonics": harmonics}) + "\n").encode())


def _read(path: Path, name: str, is_right: Callable[[object], bool]) -> Any:
    try:
        found = json.loads(path.read_text())[name]
        problem: object = f"{name} is {found}"
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as fault:
        found, problem = None, fault
    if not is_right(found):
        raise ShardError(f"{path} is absent or damaged ({problem}); delete it and reproduce the tables again")
    return found
