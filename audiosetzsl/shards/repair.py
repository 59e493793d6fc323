"""Repair: which shards have to be made again, and the stages of the factory that make them."""

import os
import re
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc

from audiosetzsl.errors import ShardError
from audiosetzsl.files import sha256_of
from audiosetzsl.shards.finding import Finding, Problem
from audiosetzsl.shards.io import read_shard, recipe_of
from audiosetzsl.shards.schema import Kind, Status
from audiosetzsl.workspace import Workspace

# A shard is written within seconds; on a shared disk its writer may be on a machine that cannot be asked.
IDLE_S = 600.0
_SHARD = re.compile(r"part-\d{5}\.parquet")
_SCRATCH = re.compile(r"\.part-.+\.parquet\.(\d+)\.[0-9a-f]+")


@dataclass(frozen=True, slots=True)
class Redo:
    """A shard to be made again, or a file that only lies about; `why` is for people."""

    kind: Kind
    path: Path
    why: str
    is_of_plan: bool


def redos_of(findings: Iterable[Finding]) -> list[Redo]:
    """What `verify` found, as work to do.

    Of leftovers only those that nobody writes to any more; of strays only what looks like a shard: what else lies
    there is somebody's.
    """
    return [
        Redo(f.kind, f.path, f"{f.problem}: {f.detail}", f.problem not in (Problem.STRAY, Problem.LEFTOVER))
        for f in findings
        if (f.is_wrong and (f.problem is not Problem.STRAY or _is_shard(f.path))) or is_abandoned(f.path)
    ]


def _is_shard(path: Path) -> bool:
    return path.is_file() and _SHARD.fullmatch(path.name) is not None


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
    for kind in kinds:
        for path in sorted(place.features(kind).glob("part-*.parquet")) if kind is not Kind.AUDIO else []:
            try:
                column = read_shard(path, kind, columns=["status"])["status"]
            except ShardError:
                continue  # `verify` has found it, and says more
            counts = {status: pc.sum(pc.equal(column, str(status))).as_py() or 0 for status in statuses}
            if told := ", ".join(f"{n} {status}" for status, n in counts.items() if n):
                yield Redo(kind, path, told, is_of_plan=True)


def stages_for(place: Workspace, redos: Iterable[Redo]) -> list[list[str]]:
    """Commands of the factory, without `python -m flows`, that make these shards; ask before they are removed."""
    kinds = {redo.kind for redo in redos if redo.is_of_plan}
    where = ["--workspace", str(place.root.resolve())]
    stages = [["extract-features", *where]] if kinds & {Kind.LOG_MEL, Kind.VIDEO} else []
    embedded = sorted(place.features(Kind.AUDIO).glob("part-*.parquet"))
    if Kind.AUDIO in kinds or (Kind.LOG_MEL in kinds and embedded):
        stages.append(["embed-audio", *where, "--checkpoint", _checkpoint(place, embedded)])
    return stages


def is_complete(stage: Sequence[str]) -> bool:
    """Whether a command can be run as it is: the network that made the sound vectors may be gone."""
    return UNKNOWN not in stage


UNKNOWN = "CHECKPOINT"


def _checkpoint(place: Workspace, embedded: Sequence[Path]) -> str:
    """The network that made sound vectors, by the digest in their recipe."""
    digests = set()
    for path in embedded:
        try:
            digests.add(recipe_of(path).facts.get("checkpoint"))
        except ShardError:
            continue
    for path in sorted(place.models.glob("*.safetensors")) if len(digests) == 1 else []:
        if sha256_of(path) in digests:
            return str(path.resolve())
    return UNKNOWN


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
