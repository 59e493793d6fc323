"""Sources: where the clips of a workspace came from, noted beside its scores and in features that leave it."""

import json
from dataclasses import dataclass
from pathlib import Path

from audiosetzsl.clips.ledger import clip_rows, read_ledger
from audiosetzsl.errors import ShardError
from audiosetzsl.files import write_bytes
from audiosetzsl.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ClipSources:
    """Names of sources that gave a clip, and parts of the ledger that could not be read."""

    names: tuple[str, ...]
    unread: tuple[str, ...] = ()

    @staticmethod
    def of(place: Workspace) -> "ClipSources":
        """Those of the ledger of a workspace, as far as there is one and it can be read."""
        names: set[str] = set()
        unread = []
        for path in sorted(place.clips.glob("part-*.parquet")):
            try:
                attempts = read_ledger(path, columns=["segment_id", "verdict", "source"])
            except ShardError:
                unread.append(path.name)  # features outlive their ledger, and so do scores
                continue
            names.update(clip_rows(attempts)["source"].to_pylist())
        return ClipSources(tuple(sorted(names)), tuple(unread))

    @property
    def are_known(self) -> bool:
        """Whether the ledger said of every clip where it came from."""
        return bool(self.names) and not self.unread

    def as_facts(self) -> dict[str, object]:
        """They in plain JSON."""
        return {"names": list(self.names), "unread": list(self.unread)}

    @staticmethod
    def in_facts(facts: object) -> "ClipSources | None":
        """Those that `as_facts` wrote; None where it did not."""
        match facts:
            case {"names": list(names), "unread": list(unread)}:
                return ClipSources(tuple(map(str, names)), tuple(map(str, unread)))
        return None


def write_sources(path: Path, sources: ClipSources) -> Path:
    """Write them as JSON, whole or not at all."""
    return write_bytes(path, (json.dumps(sources.as_facts(), indent=1) + "\n").encode())


def read_sources(path: Path) -> ClipSources:
    """Read what `write_sources` wrote.

    Raises:
        ShardError: the file is absent or damaged.
    """
    try:
        sources = ClipSources.in_facts(json.loads(path.read_text()))
    except (OSError, ValueError) as problem:
        raise ShardError(f"{path} is absent or damaged ({problem}); delete it and score again") from problem
    if sources is None:
        raise ShardError(f"{path} is damaged (it names no sources); delete it and score again")
    return sources
