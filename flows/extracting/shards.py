"""Shards of a block: what is due of them is extracted from its clips, told anew, or kept from the older ones."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from audiosetzsl.blocks import Block
from audiosetzsl.shards import Kind, Recipe, write_shard
from audiosetzsl.shards.current import is_marked
from audiosetzsl.workspace import Workspace
from extractors.extraction.block import Equipment, Extractors, extract_block
from extractors.extraction.rows import ClipRow
from flows.extracting.clips import clip_rows, vanished, without_clips
from flows.extracting.devices import claim
from flows.extracting.due import Due, due, retell
from flows.extracting.keeping import as_absent, known, rows_at, rows_made, with_kept
from flows.extracting.tally import FOLDER, Tally, tally_of


@dataclass(frozen=True, slots=True)
class Extraction:
    """The work on a block: what is extracted, by which recipes, and where."""

    place: Workspace
    extractors: Extractors
    recipes: dict[Kind, Recipe]
    devices: tuple[str, ...]
    feeders: int


def extract_shards(extraction: Extraction, block: Block) -> list[Path]:
    """Bring the shards of one block up to date: a row for every segment of the block."""
    # Several processes run side by side, and the sums of several threads differ in their last bits.
    torch.set_num_threads(1)
    place, work, tally = (
        extraction.place,
        due(extraction.place, block),
        tally_of(extraction.place.root, block),
    )
    paths = [retell(place.features(kind) / block.file_name, kind, work.found) for kind in work.to_retell]
    if work.to_make:
        paths += _make(extraction, block, work, tally)
    tally.end(len(block.segment_ids))
    return paths


def _make(extraction: Extraction, block: Block, work: Due, tally: Tally) -> list[Path]:
    """Extract from the clips of one block into a shard of each kind that is to be made."""
    place, extractors, kinds = extraction.place, extraction.extractors, work.to_make
    wanted = Extractors(
        extractors.log_mel if Kind.LOG_MEL in kinds else None,
        extractors.video if Kind.VIDEO in kinds else None,
    )
    paths = {kind: place.features(kind) / block.file_name for kind in kinds}
    # Looked at first: a shard that cannot be read is better known before its clips are decoded.
    old = {kind: rows_at(paths[kind], kind, extraction.recipes[kind].fingerprint) for kind in kinds}
    clips = clip_rows(place, block, work.found)
    if not any(path.is_file() and is_marked(path) for path in paths.values()):
        # Clips come one by one over weeks: those whose features are there already are not decoded again.
        clips = without_clips(clips, known(old.values(), work.found.there))

    def on_clip(clip: ClipRow) -> None:
        tally.begin(clip.segment_id)

    equipment = Equipment(claim(extraction.devices, place.root / FOLDER), extraction.feeders)
    tables = extract_block(clips, wanted, equipment, suspects=tally.suspects, on_clip=on_clip)
    gone = vanished(clips)
    absent = extract_block(gone, wanted, replace(equipment, feeders=0)) if gone else {}
    for kind, path in paths.items():
        new = rows_made(as_absent(tables[kind], absent[kind]) if gone else tables[kind], work.found.there)
        rows = with_kept(new, old[kind])
        write_shard(rows.table, path, kind, extraction.recipes[kind], rows.of_clips)
    return list(paths.values())
