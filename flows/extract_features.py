"""Stage extract-features: clips become shards of log-mel and video features."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from audiosetzsl.blocks import Block
from audiosetzsl.errors import SetupError
from audiosetzsl.shards import Kind, Recipe, check_made_by
from audiosetzsl.shards.begun import begun_by
from audiosetzsl.show import say, show_table
from audiosetzsl.workspace import Workspace
from extractors.extraction.block import Extractors, log_mel_recipe, video_recipe
from extractors.log_mel import LogMelConfig
from extractors.video.nets import VideoConfig, open_net
from flows.alone import alone
from flows.extracting.begun import as_begun, note_begun
from flows.extracting.clips import refuse_absent_media
from flows.extracting.counts import counts_of
from flows.extracting.deaths import outlive
from flows.extracting.devices import devices_of, feeders_for
from flows.extracting.due import KINDS, is_due
from flows.extracting.shards import Extraction, extract_shards
from flows.extracting.tally import TallyMeter, tally_of
from flows.planning import plan_workspace
from flows.runner import Processes, Runner


@dataclass(frozen=True, slots=True)
class Machines:
    """Devices that networks run on, and processes that decode for each; None is what the cores allow."""

    device: str = "cpu"
    feeders: int | None = None


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
        SetupError: weights or a device are not there, or none of the clips that the ledger has; or processes die
            again and again.
    """
    place, devices_and_feeders = Workspace(workspace), equip(machines or Machines())
    blocks, extractors = plan_workspace(place), _chosen(place, video, sound)
    with alone(place, "extract-features"):
        stale = [block for block in blocks if is_due(place, block)]
        if stale or extractors != as_begun(place):
            extraction = Extraction(place, extractors, recipes_of(extractors), *devices_and_feeders)
            _extract(extraction, stale, runner or Processes())
        else:  # weights may be gone by now
            _check_made_by(place, begun_by(place))
        for block in blocks:
            tally_of(place.root, block).path.unlink(missing_ok=True)
    counts, lost = counts_of(place, blocks)
    show_table(
        "Features", ["kind", "status or flag", "segments"], [[*key, n] for key, n in sorted(counts.items())]
    )
    if lost:
        say(
            f"{len(lost)} segments have no features, as their clips, which the ledger has, are not there. If a disk "
            "is away, bring it back and run this again; if not, fetch them: `python -m flows fetch-clips --again ok`"
        )
    return counts


def check_can_begin(workspace: Path, video: VideoConfig, machines: Machines | None = None) -> None:
    """Look whether clips of a workspace could be extracted: better now than after weeks of fetching them.

    Raises:
        ShardError: features of another configuration are there already.
        SetupError: weights or a device are not there.
    """
    equip(machines or Machines())
    place = Workspace(workspace)
    _check_made_by(place, _fingerprints(recipes_of(_chosen(place, video, None))))


def _chosen(place: Workspace, video: VideoConfig | None, sound: LogMelConfig | None) -> Extractors:
    """What is asked for, then what the workspace was begun with, then the defaults."""
    before = as_begun(place) or Extractors(LogMelConfig(), VideoConfig())
    return Extractors(sound or before.log_mel, video or before.video)


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


def _extract(extraction: Extraction, stale: list[Block], runner: Runner) -> None:
    place = extraction.place
    for kind, recipe in extraction.recipes.items():
        if recipe.is_random:
            say(f"{kind} features are stand-ins: {recipe.facts['weights']}")
    _check_made_by(place, _fingerprints(extraction.recipes))
    if stale:
        if not any(any(place.features(kind).glob("part-*.parquet")) for kind in KINDS):
            refuse_absent_media(place, stale)
        video = extraction.extractors.video
        if video and not extraction.recipes[Kind.VIDEO].is_random:
            open_net(video)  # what is wrong with weights is better known now than in every process
        note_begun(place, extraction.extractors, extraction.recipes)
    outlive(place.root, stale, partial(_work, extraction, runner), partial(is_due, place))


def _fingerprints(recipes: Mapping[Kind, Recipe]) -> dict[Kind, str]:
    return {kind: recipe.fingerprint for kind, recipe in recipes.items()}


def _check_made_by(place: Workspace, made_by: Mapping[Kind, str]) -> None:
    for kind, fingerprint in made_by.items():
        check_made_by(place.features(kind), fingerprint)


def _work(extraction: Extraction, runner: Runner, stale: list[Block]) -> None:
    workers = None if extraction.devices == ("cpu",) and not extraction.feeders else len(extraction.devices)
    meter = TallyMeter(extraction.place.root, stale)
    for _ in runner.map("extract-features", partial(extract_shards, extraction), stale, meter, workers):
        pass
