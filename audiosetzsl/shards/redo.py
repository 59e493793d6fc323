"""Redo: a shard that is to be made again, why, and what becomes of the file that is there."""

import os
import re
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import pyarrow.compute as pc

from audiosetzsl.errors import ShardError
from audiosetzsl.shards.finding import Finding, Problem, is_shard
from audiosetzsl.shards.io import read_shard
from audiosetzsl.shards.schema import Kind, Status
from audiosetzsl.workspace import Workspace

# A shard is written within seconds; on a shared disk its writer may be on a machine that cannot be asked.
IDLE_S = 600.0
_SCRATCH = re.compile(r"\.part-.+\.parquet\.(\d+)\.[0-9a-f]+")


class Way(StrEnum):
    """What becomes of the file that is there while a stage makes a new one."""

    NONE = "none"  # there is none, or the stage sees by itself that it is stale
    IN_PLACE = "in place"  # it can be read, and has to be marked for the stage
    ASIDE = "aside"  # the stage could not read it, or would refuse it
    DELETE = "delete"  # half of a file


_WAYS = {
    Problem.MISSING: Way.NONE,
    Problem.STALE: Way.NONE,
    Problem.LOG_MELS: Way.NONE,
    Problem.ROWS: Way.IN_PLACE,
    Problem.DAMAGED: Way.ASIDE,
    Problem.RECIPE: Way.ASIDE,
    Problem.WIDTH: Way.ASIDE,
    Problem.STRAY: Way.ASIDE,
    Problem.LEFTOVER: Way.DELETE,
}


@dataclass(frozen=True, slots=True)
class Redo:
    """A shard to be made again, or a file that only lies about; `why` is for people."""

    kind: Kind
    path: Path
    why: str
    way: Way
    is_of_plan: bool


def redos_of(findings: Iterable[Finding]) -> list[Redo]:
    """What `verify` found, as work to do, each file once.

    Of leftovers only those that nobody writes to any more; of strays only what looks like a shard: what else lies
    there is somebody's. Where no ledger says which of two shards is stale, there is nothing that a stage could do.
    """
    redos: dict[Path, Redo] = {}
    for f in findings:
        if f.problem in _WAYS and (_is_work(f) or is_abandoned(f.path)):
            of_plan = f.problem not in (Problem.STRAY, Problem.LEFTOVER)
            redo = Redo(f.kind, f.path, f"{f.problem}: {f.detail}", _WAYS[f.problem], of_plan)
            redos.setdefault(f.path, redo)
    return list(redos.values())


def _is_work(finding: Finding) -> bool:
    return finding.is_wrong and (finding.problem is not Problem.STRAY or is_shard(finding.path))


def is_abandoned(scratch: Path) -> bool:
    """Whether a file that a write was broken off in has no writer: none of this machine, and nothing for a while."""
    found = _SCRATCH.fullmatch(scratch.name)
    try:
        idle_s = time.time() - scratch.stat().st_mtime
    except FileNotFoundError:
        return False  # its writer was there, and has ended
    return found is not None and idle_s > IDLE_S and not _runs(int(found[1]))


def with_statuses(place: Workspace, kinds: Sequence[Kind], statuses: Collection[Status]) -> Iterator[Redo]:
    """Find shards with rows of these statuses. Sound vectors have theirs of the log-mels, and follow them."""
    for kind in kinds if statuses else []:
        for path in sorted(place.features(kind).glob("part-*.parquet")) if kind is not Kind.AUDIO else []:
            try:
                column = read_shard(path, kind, columns=["status"])["status"]
            except ShardError:
                continue  # `verify` has found it, and says more
            counts = {status: pc.sum(pc.equal(column, str(status))).as_py() or 0 for status in statuses}
            if told := ", ".join(f"{n} {status}" for status, n in counts.items() if n):
                yield Redo(kind, path, told, Way.IN_PLACE, is_of_plan=True)


def _runs(pid: int) -> bool:
    """Whether this machine has such a process; yes where it cannot be asked."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's
    return True
