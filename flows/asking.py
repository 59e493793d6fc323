"""Asking: how fast a source is asked, from where and how patiently, and the words for it on a command line."""

from dataclasses import dataclass, field
from pathlib import Path

from audiosetzsl.clips.standing import Patience
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import SetupError
from audiosetzsl.manifest import YTID
from flows.politeness.canary import CANARIES
from flows.politeness.pace import Pace
from flows.sources.opening import SourceOptions


@dataclass(frozen=True, slots=True)
class Asking:
    """How a source is asked: how fast, from where, how patiently."""

    options: SourceOptions = field(default_factory=SourceOptions)
    egress: str = "default"  # a name for the address that asks; one pace and one set of canaries each
    pace: Pace = field(default_factory=Pace)
    patience: Patience = field(default_factory=Patience)
    canaries: tuple[str, ...] = CANARIES
    again: tuple[Verdict, ...] = ()  # verdicts that are asked for once more, settled or not
    wait: bool = False  # for what is due later


def asking_of(
    egress: str,
    per_hour: float,
    threads: int | None = None,
    config: Path | None = None,
    canaries: str | None = None,
    again: str = "",
    wait: bool = False,
) -> Asking:
    """Turn the words of a command line into how to ask.

    Raises:
        SetupError: a verdict, a video id, a rate or a name is not one.
    """
    ids = tuple(word.strip() for word in canaries.split(",")) if canaries is not None else CANARIES
    if wrong := [ytid for ytid in ids if not YTID.fullmatch(ytid)]:
        raise SetupError(
            f"canaries {', '.join(map(repr, wrong))} are no ids of videos, expected 11 signs each"
        )
    if threads is not None and threads < 1:
        raise SetupError(f"--threads is {threads}, expected at least 1")
    return Asking(
        options=SourceOptions(threads, config),
        egress=egress,
        pace=Pace(per_hour),
        canaries=ids,
        again=verdicts_named(again),
        wait=wait,
    )


def verdicts_named(text: str) -> tuple[Verdict, ...]:
    """Verdicts of a list with commas.

    Raises:
        SetupError: there is none of this name.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if unknown := [name for name in names if name not in list(Verdict)]:
        raise SetupError(f"there is no verdict {', '.join(unknown)}, expected some of {', '.join(Verdict)}")
    return tuple(Verdict(name) for name in names)
