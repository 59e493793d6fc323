"""Attempt: one question for one segment, and the row of the ledger that it ends in."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

from audiosetzsl import __version__
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import ClipError, SetupError
from audiosetzsl.files import DISK_FULL
from audiosetzsl.workspace import Workspace
from flows.fetching.questions import Asked, Question, Row
from flows.sources.source import Source

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A row, and for how long the other side wants to be left alone."""

    row: Row
    retry_after_s: float | None = None


def ask(place: Workspace, source: Source, egress: str | None, question: Question, asked: Asked) -> Answer:
    """Ask one question; whatever happens is a row.

    Raises:
        SetupError: the disk is full, or the source cannot be used as it is set up.
    """
    answer = _answer(place, asked, (source.name, egress), partial(question.of_segment, place, source, asked))
    assert answer is not None
    return answer


def find(place: Workspace, source: Source, question: Question, asked: Asked) -> Answer | None:
    """Enter what is there already, without asking `source`; None if nothing is.

    What goes wrong with it counts for `source`, which is then not asked at once again and again.

    Raises:
        SetupError: the disk is full.
    """
    return _answer(place, asked, (source.name, None), partial(question.of_leftover, place, asked))


def _answer(
    place: Workspace, asked: Asked, who: tuple[str, str | None], facts_of: Callable[[], Row | None]
) -> Answer | None:
    began_s = time.monotonic()
    retry_after_s = None
    try:
        facts = facts_of()
        if facts is None:
            return None
    except ClipError as problem:
        facts = {"verdict": str(Verdict(problem.reason)), "message": str(problem)}
        retry_after_s = getattr(problem, "retry_after_s", None)
    except SetupError:
        raise
    except Exception as problem:
        refuse_full_disk(problem, place)
        # One odd clip must not stop weeks of work: it is a row too, and the log says where it happened.
        log.exception("%s: an error of ours", asked.segment.segment_id)
        facts = {
            "verdict": str(Verdict.INTERNAL_ERROR),
            "message": f"{type(problem).__name__} of ours; see the log",
        }
    return Answer(row_of(asked, *who, facts, time.monotonic() - began_s), retry_after_s)


def row_of(asked: Asked, source: str, egress: str | None, facts: Row, took_s: float) -> Row:
    """A row of the ledger."""
    now = datetime.now(UTC)
    return {
        "segment_id": asked.segment.segment_id,
        "attempt": asked.attempts + 1,
        "message": "",
        "flags": [],
        "took_s": round(took_s, 3),
        "source": source,
        "egress": egress,
        "tool": _tool(source),
        "at": now.replace(microsecond=now.microsecond // 1000 * 1000),
        **facts,
    }


def refuse_full_disk(problem: BaseException, place: Workspace) -> None:
    """Say that the disk is full, if that is the problem.

    Raises:
        SetupError: it is.
    """
    if getattr(problem, "errno", None) in DISK_FULL:
        raise SetupError(
            f"no space is left for {place.root}; nothing is lost: make room (`audiosetzsl plan` says how much) "
            "and run the same command again"
        ) from problem


def _tool(source: str) -> str:
    ours = f"audiosetzsl {__version__}"
    return f"{ours}, yt-dlp {version('yt-dlp')}" if source == "youtube" else ours
