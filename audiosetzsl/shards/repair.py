"""Repair: the stages of the factory that make shards again, and whether they can run."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from audiosetzsl.clips.fetched import fetched
from audiosetzsl.errors import SetupError, ShardError
from audiosetzsl.files import sha256_of
from audiosetzsl.shards.io import recipe_of
from audiosetzsl.shards.redo import Redo
from audiosetzsl.shards.schema import Kind
from audiosetzsl.workspace import Workspace

UNKNOWN = "CHECKPOINT"
_MAKES = {"extract-features": (Kind.LOG_MEL, Kind.VIDEO), "embed-audio": (Kind.AUDIO,)}


def stages_for(place: Workspace, redos: Iterable[Redo]) -> list[list[str]]:
    """Commands of the factory, without `python -m flows`, that make these shards; ask before they make way."""
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


def ready(redos: Sequence[Redo], stages: Sequence[Sequence[str]]) -> list[Redo]:
    """Those that these stages make, and what only lies about."""
    made = {kind for stage in stages for kind in _MAKES[stage[0]]}
    return [redo for redo in redos if not redo.is_of_plan or redo.kind in made]


def check_begun(place: Workspace, stages: Sequence[Sequence[str]]) -> None:
    """Refuse to run extract-features where it would not know what to extract with.

    Raises:
        SetupError: there is no note of what the workspace was begun with.
    """
    if any(stage[0] == "extract-features" for stage in stages) and not place.extractors.is_file():
        raise SetupError(
            f"{place.extractors} is not there, so extract-features would not know what these shards were made with; "
            "bring it back, or run `python -m flows extract-features` with --preset, --net and --weights as they were"
        )


def lost_clips(place: Workspace, redos: Iterable[Redo]) -> int:
    """Clips that were fetched and are gone, of the blocks that are to be made again of clips."""
    names = {redo.path.name for redo in redos if redo.is_of_plan and redo.kind is not Kind.AUDIO}
    return sum(len(fetched(place, name).lost) for name in names)


def _checkpoint(place: Workspace, embedded: Sequence[Path]) -> str:
    """The network that made most of the sound vectors, by the digest in their recipe."""
    digests: Counter[object] = Counter()
    for path in embedded:
        try:
            digests[recipe_of(path).facts.get("checkpoint")] += 1
        except ShardError:
            continue
    for digest, _ in digests.most_common(1):
        for path in sorted(place.models.glob("*.safetensors")):
            if sha256_of(path) == digest:
                return str(path.resolve())
    return UNKNOWN
