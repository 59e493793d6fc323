"""Parts of a kind: the shards that a workspace has of it, all of one recipe."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from audiosetzsl.errors import ShardError
from audiosetzsl.machine import usable_cores
from audiosetzsl.shards import Kind, made_by_of, width_at
from audiosetzsl.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Parts:
    """Shards of one kind, in the order of their numbers, and the fingerprint and width that each must have."""

    kind: Kind
    paths: tuple[Path, ...]
    made_by: str
    width: int

    @property
    def folder(self) -> Path:
        """Where they lie."""
        return self.paths[0].parent

    @property
    def names(self) -> set[str]:
        """Their file names, by which shards of one block are told."""
        return {path.name for path in self.paths}


def parts_of(place: Workspace, kind: Kind) -> Parts:
    """Find the shards of a kind; the first of them says which recipe all have to be of, and some may be missing.

    Raises:
        ShardError: there are none.
    """
    paths = tuple(sorted(place.features(kind).glob("part-*.parquet")))
    if not paths:
        raise ShardError(
            f"{place.features(kind)} holds no shards; run `python -m flows extract-features` (log_mel, video) "
            "or `embed-audio` (audio) first"
        )
    return Parts(kind, paths, made_by_of(paths[0]), width_at(paths[0], kind))


def reading_threads() -> ThreadPoolExecutor:
    """Threads that read shards side by side, one a core: Arrow lets others go on while it decodes."""
    return ThreadPoolExecutor(usable_cores())
