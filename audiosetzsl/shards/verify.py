"""Verify: is every block of a workspace there, readable, whole, in order, of one recipe and of the clips of now?"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa

from audiosetzsl.clips.fetched import fetched
from audiosetzsl.errors import ShardError
from audiosetzsl.features.parts import reading_threads
from audiosetzsl.shards.begun import begun_by
from audiosetzsl.shards.finding import Finding, Problem, is_shard
from audiosetzsl.shards.look import Look, look_at
from audiosetzsl.shards.planned import planned_blocks
from audiosetzsl.shards.schema import Kind
from audiosetzsl.workspace import Workspace

# Not the reasons: words that the ledger puts otherwise make no vector wrong.
_AUDIO_HAS_OF_LOG_MEL = ["segment_id", "status", "flags", "duration_s"]


def kinds_of(place: Workspace) -> list[Kind]:
    """Kinds that were begun: log-mel and video come of one stage, audio of another.

    Raises:
        ShardError: none was.
    """
    begun = {kind for kind in Kind if any(place.features(kind).glob("part-*.parquet"))}
    if not begun:
        raise ShardError(
            f"{place.root / 'features'} holds no shards; run `python -m flows extract-features` on this workspace "
            "first, or name another"
        )
    both = {Kind.LOG_MEL, Kind.VIDEO}
    return [kind for kind in Kind if kind in begun | (both if begun & both else set())]


def verify(
    place: Workspace, kinds: Sequence[Kind], on_shard: Callable[[], object] = lambda: None
) -> list[Finding]:
    """Read every shard of some kinds, whole, and find all that is wrong.

    Args:
        place: a workspace.
        kinds: which kinds; every block has to have a shard of each.
        on_shard: called after each shard.

    Raises:
        SetupError: the workspace has no plan, or another manifest than it was planned for; or its disk does not give
            a shard.
        ShardError: a part of the ledger is damaged.
        ManifestError: the manifest is absent or wrong.
    """
    blocks, begun = planned_blocks(place), begun_by(place)
    findings: list[Finding] = []
    looks: dict[Kind, dict[str, Look]] = {}
    for kind in kinds:
        folder = place.features(kind)
        looks[kind] = {}
        with reading_threads() as pool:
            for found in pool.map(partial(look_at, place, kind), blocks):
                if isinstance(found, Finding):
                    findings.append(found)
                else:
                    looks[kind][found.path.name] = found
                on_shard()
        findings += _faults(kind, list(looks[kind].values()), begun.get(kind))
        findings += _beside(kind, folder, {block.file_name for block in blocks})
    findings += _of_other_clips(place, looks.get(Kind.LOG_MEL, {}), looks.get(Kind.VIDEO, {}))
    findings += _of_other_log_mels(looks.get(Kind.AUDIO, {}), looks.get(Kind.LOG_MEL, {}))
    return findings


def _faults(kind: Kind, looks: Sequence[Look], begun: str | None) -> Iterator[Finding]:
    """The worst of each shard: another recipe than was begun (or, where no note says, than most), and so on."""
    recipes = Counter(look.recipe.fingerprint for look in looks).most_common(1)
    widths = Counter(look.width for look in looks).most_common(1)
    for look in looks:
        [(most, n_recipe)], [(width, n_width)] = recipes, widths
        whose = f"this workspace was begun with {begun}" if begun else f"{n_recipe} shards are of {most}"
        if (made_by := look.recipe.fingerprint) != (begun or most):
            yield Finding(kind, look.path, Problem.RECIPE, f"{made_by}, and {whose}")
        elif look.width != width:
            detail = f"{look.width}, and {n_width} shards are {width} wide"
            yield Finding(kind, look.path, Problem.WIDTH, detail)
        elif look.rows_fault:
            yield Finding(kind, look.path, Problem.ROWS, look.rows_fault)
        elif look.stale:
            yield Finding(kind, look.path, Problem.STALE, look.stale)


def _of_other_clips(
    place: Workspace, log_mels: Mapping[str, Look], videos: Mapping[str, Look]
) -> Iterator[Finding]:
    """Blocks whose two kinds are of different clips, and no ledger says which of them is stale."""
    for name in sorted(log_mels.keys() & videos.keys()):
        if log_mels[name].of_clips != videos[name].of_clips and not fetched(place, name).is_known:
            detail = (
                f"than the log-mels; one is stale: bring {place.clips.name}/{name} back, which knows which"
            )
            yield Finding(Kind.VIDEO, videos[name].path, Problem.CLIPS, detail)


def _of_other_log_mels(audio: Mapping[str, Look], log_mels: Mapping[str, Look]) -> Iterator[Finding]:
    """Sound vectors that were made of other log-mels than there are by now."""
    for name in sorted(audio.keys() & log_mels.keys()):
        look, heard = audio[name], log_mels[name]
        if look.rows_fault or heard.rows_fault:
            continue  # is told already
        of = look.recipe.facts.get("log_mel", heard.recipe.fingerprint)
        if of != heard.recipe.fingerprint:
            detail = f"of recipe {of}, and the log-mels are of {heard.recipe.fingerprint}"
        elif look.of_clips != heard.of_clips:
            detail = "of clips that have changed since"
        elif not _same(look.head, heard.head):
            detail = "its rows are not those of the log-mels"
        else:
            continue
        yield Finding(Kind.AUDIO, look.path, Problem.LOG_MELS, detail)


def _same(ours: pa.Table, heard: pa.Table) -> bool:
    return bool(ours.select(_AUDIO_HAS_OF_LOG_MEL).equals(heard.select(_AUDIO_HAS_OF_LOG_MEL)))


def _beside(kind: Kind, folder: Path, planned: set[str]) -> Iterator[Finding]:
    """Files that are no shard of the plan; hidden ones are somebody's who looks at folders, such as `.DS_Store`."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name.startswith(".part-"):
            yield Finding(kind, path, Problem.LEFTOVER, "of a write that was broken off, or goes on just now")
        elif is_shard(path) and path.name not in planned:
            yield Finding(kind, path, Problem.STRAY, "no block has this name")
        elif path.name not in planned and not path.name.startswith("."):
            yield Finding(kind, path, Problem.STRAY, "it is no shard; move it elsewhere")
