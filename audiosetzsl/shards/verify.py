"""Verify: is every block of a workspace there, readable, whole, in order and of one recipe?"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from audiosetzsl.blocks import Block
from audiosetzsl.errors import ShardError
from audiosetzsl.features.parts import reading_threads
from audiosetzsl.shards.finding import Finding, Problem
from audiosetzsl.shards.io import clips_of, read_shard, recipe_of
from audiosetzsl.shards.planned import planned_blocks
from audiosetzsl.shards.recipe import Recipe
from audiosetzsl.shards.schema import FEATURES, Kind, width_of
from audiosetzsl.workspace import Workspace

_AUDIO_HAS_OF_LOG_MEL = ["segment_id", "status", "reason", "flags", "duration_s"]


@dataclass(frozen=True, slots=True)
class Look:
    """What a shard that can be read says of itself."""

    path: Path
    recipe: Recipe
    width: int | None
    of_clips: str
    head: pa.Table  # its rows without their features


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
        SetupError: the workspace has no plan, or another manifest than it was planned for.
        ManifestError: the manifest is absent or wrong.
    """
    blocks = planned_blocks(place)
    findings: list[Finding] = []
    looks: dict[Kind, dict[str, Look]] = {}
    for kind in kinds:
        folder = place.features(kind)
        looks[kind] = {}
        with reading_threads() as pool:
            for found in pool.map(lambda block, kind=kind, folder=folder: _look(kind, folder, block), blocks):
                if isinstance(found, Finding):
                    findings.append(found)
                else:
                    looks[kind][found.path.name] = found
                on_shard()
        findings += _unlike(kind, list(looks[kind].values()))
        findings += _beside(kind, folder, {block.file_name for block in blocks})
    findings += _of_other_log_mels(looks.get(Kind.AUDIO, {}), looks.get(Kind.LOG_MEL, {}))
    return findings


def _look(kind: Kind, folder: Path, block: Block) -> Look | Finding:
    """Read the shard of a block."""
    path = folder / block.file_name
    if not path.is_file():
        return Finding(kind, path, Problem.MISSING, f"{len(block.segment_ids)} segments")
    try:
        table, recipe, of_clips = read_shard(path, kind), recipe_of(path), clips_of(path)
    except ShardError as problem:
        return Finding(
            kind, path, Problem.DAMAGED, str(problem).removeprefix(f"{path} ").removeprefix(f"{path}: ")
        )
    ids = table["segment_id"].to_pylist()
    if ids != list(block.segment_ids):
        strangers = len(set(ids) - set(block.segment_ids))
        lost = len(set(block.segment_ids) - set(ids))
        detail = (
            f"{lost} segments are missing, {strangers} are not of its block"
            if lost or strangers
            else "the order"
        )
        return Finding(kind, path, Problem.ROWS, detail)
    return Look(path, recipe, width_of(table.schema, kind), of_clips, table.drop_columns([FEATURES[kind]]))


def _unlike(kind: Kind, looks: Sequence[Look]) -> Iterator[Finding]:
    """Shards of another recipe, or another width, than most."""
    recipes = Counter(look.recipe.fingerprint for look in looks).most_common(1)
    widths = Counter(look.width for look in looks).most_common(1)
    for look in looks:
        [(recipe, n_recipe)], [(width, n_width)] = recipes, widths
        if (found := look.recipe.fingerprint) != recipe:
            yield Finding(kind, look.path, Problem.RECIPE, f"{found}, and {n_recipe} shards are of {recipe}")
        elif look.width != width:
            yield Finding(
                kind, look.path, Problem.WIDTH, f"{look.width}, and {n_width} shards are {width} wide"
            )


def _of_other_log_mels(audio: Mapping[str, Look], log_mels: Mapping[str, Look]) -> Iterator[Finding]:
    """Sound vectors that were made of other log-mels than there are by now."""
    for name in sorted(audio.keys() & log_mels.keys()):
        look, heard = audio[name], log_mels[name]
        of = look.recipe.facts.get("log_mel", heard.recipe.fingerprint)
        if of != heard.recipe.fingerprint:
            detail = f"of recipe {of}, and the log-mels are of {heard.recipe.fingerprint}"
        elif look.of_clips != heard.of_clips:
            detail = "of clips that have changed since"
        elif not look.head.equals(heard.head.select(_AUDIO_HAS_OF_LOG_MEL)):
            detail = "its rows are not those of the log-mels"
        else:
            continue
        yield Finding(Kind.AUDIO, look.path, Problem.LOG_MELS, detail)


def _beside(kind: Kind, folder: Path, planned: set[str]) -> Iterator[Finding]:
    """Files that are no shard of the plan."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name.startswith(".part-"):
            yield Finding(kind, path, Problem.LEFTOVER, "of a write that was broken off, or goes on just now")
        elif path.name not in planned:
            yield Finding(kind, path, Problem.STRAY, "no block has this name")
