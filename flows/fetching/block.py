"""A block: its due segments are asked for by a crew, and its part of the ledger grows as they answer."""

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

import pyarrow as pa

from audiosetzsl.blocks import Block
from audiosetzsl.clips.ledger import LEDGER, read_ledger, write_ledger
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.egresses import egress_folder
from audiosetzsl.manifest import class_list_of, read_manifest
from audiosetzsl.workspace import Workspace
from flows.fetching.attempt import Answer, ask, find, refuse_full_disk, row_of
from flows.fetching.crew import Begin, Crew, in_time
from flows.fetching.questions import Asked, Question, Row
from flows.fetching.workplace import at_work, is_orphan
from flows.planning import segments_of
from flows.politeness.canary import CANARIES, Watch
from flows.politeness.gates import Gate, open_gate
from flows.politeness.health import Health
from flows.politeness.pace import Bucket, Pace
from flows.sources.opening import SourceOptions, open_source
from flows.sources.source import PoliteSource, Refusal, Source

# What is known is written at most so often: a process that is killed forgets no more than this.
FLUSH_S = 1.0
# Past the time that a source grants a clip: then its thread is given up.
GRACE_S = 120.0


@dataclass(frozen=True, slots=True)
class Errand:
    """What is wanted of every segment, and how to ask; travels to the processes that work."""

    place: Workspace
    ledger: Path  # folder of the ledger's parts
    question: Question
    source: str
    options: SourceOptions = field(default_factory=SourceOptions)
    egress: str = "default"
    pace: Pace = field(default_factory=Pace)
    canaries: tuple[str, ...] = CANARIES
    gate: Gate = open_gate


def work_block(errand: Errand, block: Block) -> Path:
    """Ask for the segments that `block` names, and add a row for each attempt to the block's ledger."""
    with at_work(errand.place):
        try:
            return _work_block(errand, block)
        except OSError as problem:
            refuse_full_disk(problem, errand.place)
            raise


def _work_block(errand: Errand, block: Block) -> Path:
    source = _source(errand.source, errand.place.root / "scratch", errand.options)
    watch = _watch(errand, source)
    ledger = _Growing(errand.ledger / block.file_name)
    mids = _mids(errand.place.manifest)
    asked = [
        Asked(s, mids[s.class_name], ledger.attempts[s.segment_id]) for s in segments_of(errand.place, block)
    ]
    crew = Crew(partial(_work, errand, source, watch), source.threads, errand.options.clip_s + GRACE_S)
    try:
        for outcome in crew.work_through(asked):
            if outcome is not None:
                ledger.add(_row(errand, source, watch, *outcome))
            ledger.flush(FLUSH_S)
            if is_orphan():
                os._exit(1)  # whoever has taken over waits for us to end
    finally:
        ledger.flush(0.0)
    if watch is not None:
        watch.settle()
    return ledger.path


class _Growing:
    """One part of the ledger: what is there, and the rows that come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._table = read_ledger(path) if path.is_file() else LEDGER.empty_table()
        self.attempts = Counter(self._table["segment_id"].to_pylist())
        self._rows: list[Row] = []
        self._flushed_s = time.monotonic()

    def add(self, row: Row) -> None:
        """Take a row in; it is written by the next flush."""
        self._rows.append(row)

    def flush(self, after_s: float) -> None:
        """Write the part anew, whole or not at all, if there is news and the last time is long enough ago."""
        if not self._rows or time.monotonic() - self._flushed_s < after_s:
            return
        news = pa.Table.from_pylist(self._rows, schema=LEDGER)
        self._table = pa.concat_tables([self._table.replace_schema_metadata(), news])
        write_ledger(self._table, self.path)
        self._rows, self._flushed_s = [], time.monotonic()


def _work(errand: Errand, source: Source, watch: Watch | None, asked: Asked, begin: Begin) -> Answer:
    """Take what is there, or wait until asking is allowed, and ask."""
    if (found := find(errand.place, source, errand.question, asked)) is not None:
        return found
    if watch is not None:
        watch.admit()
    begin()
    answer = ask(errand.place, source, watch.egress if watch else None, errand.question, asked)
    if watch is not None:
        watch.note(Verdict(answer.row["verdict"]), answer.retry_after_s, answer.row["took_s"])
    return answer


def _row(errand: Errand, source: Source, watch: Watch | None, asked: Asked, answer: Answer | None) -> Row:
    if answer is not None:
        return answer.row
    if watch is not None:
        watch.note(Verdict.TIMED_OUT, None)
    limit_s = errand.options.clip_s + GRACE_S
    facts = {"verdict": str(Verdict.TIMED_OUT), "message": f"given up after {limit_s:.0f} s"}
    return row_of(asked, source.name, watch.egress if watch else None, facts, limit_s)


def _watch(errand: Errand, source: Source) -> Watch | None:
    """Pace and canaries, for a source that has to be asked politely."""
    if not isinstance(source, PoliteSource):
        return None
    bucket = Bucket(egress_folder(), errand.egress, errand.pace)
    health = Health(errand.place.health, errand.egress, errand.pace)
    look = partial(_look_in_time, partial(errand.question.of_canary, source), errand.options.clip_s)
    return Watch(bucket, health, errand.place.canaries, look, errand.canaries, errand.gate)


def _look_in_time(look: Callable[[str], None], limit_s: float, ytid: str) -> None:
    """Look at a canary while all others wait for it: not for ever."""
    try:
        in_time(look, ytid, limit_s)
    except TimeoutError as problem:
        raise Refusal(Verdict.TIMED_OUT, str(problem)) from problem


@lru_cache(maxsize=2)
def _source(source: str, scratch: Path, options: SourceOptions) -> Source:
    """The source, opened once a process."""
    return open_source(source, scratch, options)


@lru_cache(maxsize=2)
def _mids(manifest: Path) -> dict[str, str]:
    return {c.name: c.mid for c in class_list_of(read_manifest(manifest)).classes}
