"""Choosing: settings for every method, tried side by side; and how what is left to do is worked off."""

from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets import Protocol
from flows.reproducing.experiments import Experiment
from flows.reproducing.methods import method
from flows.reproducing.searches import Search, Trial, trial
from flows.reproducing.work import Place, Work
from flows.runner import Runner
from models.cjme import CjmeTraining

T = TypeVar("T", Trial, Experiment)


def choose_settings(
    todo: Sequence[tuple[str, Protocol, Place]], preset: CjmeTraining, work: Work, runner: Runner
) -> list[Search]:
    """Choose settings for every method; those that follow another come after it."""
    firsts = {
        (name, protocol, place): Search.of(name, protocol, place, work, preset)
        for name, protocol, place in dict.fromkeys((method(n).follows or n, p, at) for n, p, at in todo)
    }
    _choose(runner, "reproduce: settings", list(firsts.values()))
    found = []
    for name, protocol, place in todo:
        before = firsts[method(name).follows or name, protocol, place]
        is_first = before.method == name
        found.append(before if is_first else Search.of(name, protocol, place, work, before.chosen()))
    _choose(runner, "reproduce: settings that follow", found)
    return found


def _choose(runner: Runner, name: str, searches: Sequence[Search]) -> None:
    """Try what has to be tried for these searches, and conclude them."""
    open_ones = [one for one in searches if not one.path.is_file()]
    work_off(runner, name, trial, [tried for one in open_ones for tried in one.trials])
    for one in open_ones:
        one.conclude()


def work_off(runner: Runner, name: str, function: Callable[[T], None], todo: Sequence[T]) -> None:
    """Do what is not done yet, side by side."""
    try:
        for _ in runner.map(name, function, [one for one in todo if not one.is_done]):
            pass
    except BrokenProcessPool as problem:
        raise SetupError(
            "a worker process was killed, most likely because memory ran out; nothing is lost: make room, or take "
            "fewer --workers, and run the same command again"
        ) from problem
