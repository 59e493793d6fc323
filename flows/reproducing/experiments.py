"""Experiments: what has to be learnt for the tables, each with a file of its own that marks it as done."""

import time
from dataclasses import dataclass
from pathlib import Path

import torch

from audiosetzsl.feature_sets import Protocol, stage_of
from audiosetzsl.shards import Recipe
from flows.reproducing.curves import write_curves
from flows.reproducing.laid_out import open_laid_out
from flows.reproducing.learning import learn
from flows.reproducing.method import Settings
from flows.reproducing.methods import method
from flows.reproducing.outcome import Source, measure, write_outcome
from flows.reproducing.searches import Search
from flows.reproducing.work import Place, Work, as_facts, facts_of, named
from models.training import write_passes


@dataclass(frozen=True, slots=True)
class Experiment:
    """A method is to be fitted with what was chosen, from one seed, and measured on test."""

    method: str
    protocol: Protocol
    place: Place
    work: Work
    settings: Settings
    seed: int
    recipe: Recipe  # what the outcome depends on

    @staticmethod
    def of(search: Search, seed: int) -> "Experiment":
        """An experiment with what a search, which is done, has chosen."""
        name, settings, protocol, place = search.method, search.chosen(), search.protocol, search.place
        facts = {**facts_of(protocol, place), "seed": seed, "settings": as_facts(settings)}
        return Experiment(name, protocol, place, search.work, settings, seed, Recipe(name, facts))

    def __str__(self) -> str:
        """What people are shown of it."""
        return f"{self.method}, {self.protocol}, seed {self.seed}"

    @property
    def path(self) -> Path:
        """The file of its outcome."""
        return self.place.file("outcomes", self.recipe, ".parquet")

    @property
    def curves(self) -> Path:
        """The file of its curves, which only the first seed has."""
        return self.place.file("curves", self.recipe, ".parquet")

    @property
    def is_done(self) -> bool:
        """Whether all that is made of it is there."""
        return self.path.is_file() and (not self._has_curves or self.curves.is_file())

    @property
    def _has_curves(self) -> bool:
        return self.seed == 0 and method(self.method).scores is not None


def experiment(one: Experiment) -> None:
    """Fit and measure, unless that is done; a training that broke off goes on where it was."""
    if one.is_done:
        return
    torch.set_num_threads(1)
    asked, clips = method(one.method), open_laid_out(one.place.inputs)
    stage = stage_of(clips, one.protocol)
    began = time.monotonic()
    with one.work.how(one.place, one.recipe, one.seed) as how, named(one):
        learnt = learn(asked, clips, stage, one.protocol, one.settings, how)
        found, curves = measure(asked, learnt, clips, stage)
    if curves and one.seed == 0:
        write_curves(one.curves, curves)
    if learnt.passes:
        write_passes(one.place.file("passes", one.recipe, ".parquet"), learnt.passes)
    seconds = time.monotonic() - began
    source = Source(
        one.place.data_set, asked.name, str(one.protocol), one.seed, seconds, one.recipe.fingerprint
    )
    write_outcome(one.path, source, found, one.recipe)


def seeds_of(name: str, n_seeds: int) -> range:
    """Seeds of a method; where nothing is drawn, one is all."""
    return range(n_seeds if method(name).is_drawn else 1)
