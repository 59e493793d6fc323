"""Source: the one way in which clips are asked for, wherever they come from."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import ClipError
from audiosetzsl.manifest import Segment


class Refusal(ClipError):
    """No clip; `reason` is the verdict, `retry_after_s` how long the other side wants to be left alone."""

    def __init__(self, verdict: Verdict, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(verdict.value, message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Got:
    """A clip, and how it came."""

    path: Path  # `into`, or where the clip already was
    way: str | None = None
    format_id: str | None = None
    pulled_bytes: int | None = None


class Source(Protocol):
    """Gets the clip of a segment. Called from several threads at once."""

    @property
    def name(self) -> str:
        """What the ledger calls it."""
        ...

    @property
    def threads(self) -> int:
        """Threads that may ask at once, in each process."""
        ...

    def get(self, segment: Segment, mid: str, into: Path) -> Got:
        """Make `into` the clip of a segment, whole or not at all, or name the clip that is there.

        Raises:
            ClipError: there is no clip; its reason is a verdict.
        """
        ...

    def look(self, ytid: str) -> None:
        """Ask whether a video is there, without its media.

        Raises:
            ClipError: it is not, or one cannot know; its reason is a verdict.
        """
        ...


@runtime_checkable
class PoliteSource(Source, Protocol):
    """A source that has to be paced, and watched by canaries."""

    def sample(self, ytid: str) -> None:
        """Ask for a video, and for the first bytes of its media.

        Raises:
            ClipError: one of them did not come; its reason is a verdict.
        """
        ...


def told(message: str) -> str:
    """A message without what addresses in it may hold of a user and a password."""
    return re.sub(r"://[^/\s]*@", "://***@", message)
