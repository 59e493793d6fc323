"""Stage extract-features: clips become shards of log-mel and video features."""

from collections import Counter
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from audiosetzsl.blocks import Block
from audiosetzsl.errors import SetupError
from audiosetzsl.shards import Kind, Recipe, check_made_by, read_shard, write_shard
from audiosetzsl.show import say, show_table
from audiosetzsl.workspace import Workspace
from extractors.extraction.block import Equipment, Extractors, extract_block, log_mel_recipe, video_recipe
from extractors.extraction.rows import ClipRow
from extractors.log_mel import LogMelConfig
from extractors.video.nets import VideoConfig, open_net
from flows.alone import alone
from flows.extracting.begun import as_begun, note_begun
from flows.extracting.clips import clip_rows
from flows.extracting.devices import claim, devices_of, feeders_for
from flows.extracting.due import KINDS, Due, due, is_due, retell
from flows.extracting.keeping import kept, with_kept
from flows.extracting.tally import FOLDER, Tally, TallyMeter, start_over, tally_of
from flows.planning import plan_workspace
from flows.runner import Processes, Runner

# Times that a stage goes on by itself after a process has died, though nothing was gained since the time before.
FRUITLESS = 2


@dataclass(frozen=True, slots=True)
class Machines:
    """Devices that networks run on, and processes that decode for each; None is what the cores allow."""

    device: str = "cpu"
    feeders: int | None = None


@dataclass(frozen=True, slots=True)
class Extraction:
    """The work on a block: what is extracted, by which recipes, and where."""

    place: Workspace
    extractors: Extractors
    recipes: dict[Kind, Recipe]
    devices: tuple[str, ...]
    feeders: int


def extract_features(
    workspace: Path,
    video: VideoConfig | None = None,
    runner: Runner | None = None,
    sound: LogMelConfig | None = None,
    machines: Machines | None = None,
) -> dict[tuple[str, str], int]:
    """Extract log-mel and video features of every fetched clip; a clip that fails is a row with a reason.

    Args:
        workspace: folder with manifest.parquet and clips/; gets features/log_mel and features/video.
        video: network, weights, pictures and windows; None goes on as the workspace was begun.
        runner: where to work; None is processes of this machine.
        sound: the front-end; None likewise.
        machines: devices and feeders; None is the cores of this machine.

    Raises:
        ShardError: features of another configuration are there already.
        SetupError: weights, a device or the folder of clips that the ledger names are not there.
    """
    place, machines = Workspace(workspace), machines or Machines()
    blocks = plan_workspace(place)
    begun = as_begun(place) or Extractors(LogMelConfig(), VideoConfig())
    extraction = _extraction(place, Extractors(sound or begun.log_mel, video or begun.video), machines)
    with alone(place, "extract-features"):
        _extract(extraction, blocks, runner or Processes())
    counts = _counts(place, blocks)
    show_table(
        "Features", ["kind", "status or flag", "segments"], [[*key, n] for key, n in sorted(counts.items())]
    )
    return counts


def _extraction(place: Workspace, extractors: Extractors, machines: Machines) -> Extraction:
    """What is to be done, after a look at whether it can be."""
    recipes = recipes_of(extractors)
    for kind, recipe in recipes.items():
        if recipe.is_random:
            say(f"{kind} features are stand-ins: {recipe.facts['weights']}")
    return Extraction(place, extractors, recipes, *equip(machines))


def equip(machines: Machines) -> tuple[tuple[str, ...], int]:
    """Devices, and how many feeders each has.

    Raises:
        SetupError: a device is not here, or the number of feeders is none.
    """
    devices = devices_of(machines.device)
    feeders = feeders_for(devices) if machines.feeders is None else machines.feeders
    if feeders < 0:
        raise SetupError(f"--feeders {feeders}: expected 0 (the process decodes itself) or more")
    return devices, feeders


def recipes_of(extractors: Extractors) -> dict[Kind, Recipe]:
    """What makes each kind of feature.

    Raises:
        SetupError: the weights of the network are not there.
    """
    assert extractors.log_mel is not None and extractors.video is not None
    return {Kind.LOG_MEL: log_mel_recipe(extractors.log_mel), Kind.VIDEO: video_recipe(extractors.video)}


def _extract(extraction: Extraction, blocks: list[Block], runner: Runner) -> None:
    """Work on what is due; a process that dies or hangs costs its block's work, and its clip is set apart."""
    place = extraction.place
    for kind, recipe in extraction.recipes.items():
        check_made_by(place.features(kind), recipe.fingerprint)
    stale = [block for block in blocks if is_due(place, block)]
    if stale:
        video = extraction.extractors.video
        if video and not extraction.recipes[Kind.VIDEO].is_random:
            open_net(video)  # what is wrong with weights is better known now than in every process
        note_begun(place, extraction.extractors, extraction.recipes)
    fruitless = 0
    while stale:
        suspects = start_over(place.root, stale)
        try:
            _work(extraction, stale, runner)
            break
        except BrokenProcessPool as problem:
            left = [block for block in stale if is_due(place, block)]
            at = {tally.at for block in left if (tally := tally_of(place.root, block)).at}
            fruitless = 0 if len(left) < len(stale) or at - suspects else fruitless + 1
            if fruitless == FRUITLESS:
                where = ", ".join(sorted(at)) or "their start"
                raise SetupError(
                    f"processes die or hang at {where}, also with that clip decoded apart; "
                    "perhaps memory is short: try fewer processes, or leave the clip out"
                ) from problem
            say(f"a process died or hung; in work were {', '.join(sorted(at))}: decoded apart from now on")
            stale = left
    for block in blocks:
        tally_of(place.root, block).path.unlink(missing_ok=True)


def _work(extraction: Extraction, stale: list[Block], runner: Runner) -> None:
    workers = None if extraction.devices == ("cpu",) and not extraction.feeders else len(extraction.devices)
    meter = TallyMeter(extraction.place.root, stale)
    for _ in runner.map("extract-features", partial(extract_shards, extraction), stale, meter, workers):
        pass


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
    place, extractors, lost = extraction.place, extraction.extractors, work.found.lost
    wanted = Extractors(
        extractors.log_mel if Kind.LOG_MEL in work.to_make else None,
        extractors.video if Kind.VIDEO in work.to_make else None,
    )
    clips = clip_rows(place, block, work.found)

    def on_clip(clip: ClipRow) -> None:
        tally.begin(clip.segment_id)

    equipment = Equipment(claim(extraction.devices, place.root / FOLDER), extraction.feeders)
    tables = extract_block(clips, wanted, equipment, suspects=tally.suspects, on_clip=on_clip)
    paths = []
    for kind, new in tables.items():
        path, recipe = place.features(kind) / block.file_name, extraction.recipes[kind]
        table = with_kept(new, path, kind, recipe.fingerprint, lost)
        digest = work.found.digest_of(without=lost - kept(table, lost))
        paths.append(write_shard(table, path, kind, recipe, digest))
    return paths


def _counts(place: Workspace, blocks: list[Block]) -> dict[tuple[str, str], int]:
    counts: Counter[tuple[str, str]] = Counter()
    for kind in KINDS:
        for block in blocks:
            table = read_shard(place.features(kind) / block.file_name, kind, columns=["status", "flags"])
            counts.update((str(kind), status) for status in table["status"].to_pylist())
            counts.update((str(kind), f"flag {f}") for flags in table["flags"].to_pylist() for f in flags)
    return dict(counts)
