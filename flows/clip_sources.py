"""Clip sources: where the clips of a run came from, noted beside its scores."""

import json
from dataclasses import asdict, dataclass
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


def write_sources(path: Path, sources: ClipSources) -> Path:
    """Write them as JSON, whole or not at all."""
    return write_bytes(path, (json.dumps(asdict(sources), indent=1) + "\n").encode())


def read_sources(path: Path) -> ClipSources:
    """Read what `write_sources` wrote.

    Raises:
        ShardError: the file is absent or damaged.
    """
    try:
        match json.loads(path.read_text()):
            case {"names": list(names), "unread": list(unread)}:
                return ClipSources(tuple(names), tuple(unread))
    except (OSError, ValueError) as problem:
        raise ShardError(f"{path} is absent or damaged ({problem}); delete it and score again") from problem
    raise ShardError(f"{path} is damaged (it names no sources); delete it and score again")
