"""Pipelines: the stages in their order, up to the shards and from the shards to the tables."""

from pathlib import Path

from audiosetzsl.errors import SetupError
from audiosetzsl.workspace import Workspace
from flows.alone import alone
from flows.asking import Asking
from flows.choose_vectors import Wording
from flows.embed_audio import embed_audio
from flows.extract_features import Machines, check_can_begin, extract_features
from flows.fetch_clips import fetch_clips
from flows.make_class_vectors import make_class_vectors
from flows.presets import Preset
from flows.report_results import report_results
from flows.runner import Processes, Runner
from flows.sample_manifest import sample_manifest
from flows.score_cjme import score_cjme
from flows.seeds import check_seed
from flows.train_audio_cnn import train_audio_cnn


def make_dataset(
    workspace: Path,
    settings: Preset,
    source: str = "synthetic",
    runner: Runner | None = None,
    asking: Asking | None = None,
    machines: Machines | None = None,
) -> dict[tuple[str, str], int]:
    """Manifest to shards: takes the workspace's manifest, or a sample of the published one where it has none.

    `machines` are the devices that the video network runs on, and the processes that decode for each.

    Raises:
        SetupError: stand-ins of the whole dataset were asked for, which nobody wants; or there are no weights
            or no such device, which is better known now than after weeks of fetching.
        ShardError: features of another network are there already.

    Returns:
        How many segments have which (kind, status or flag), as extract-features counts them.
    """
    runner = runner or Processes()
    is_new = not Workspace(workspace).manifest.is_file()
    if is_new and source == "synthetic" and settings.per_class is None:
        raise SetupError(
            f"{workspace} has no manifest, and stand-ins of the whole dataset are of no use; name your clips "
            "with --source youtube or local:FOLDER, or give it a manifest with build-manifest or sample-manifest"
        )
    check_can_begin(workspace, settings.video, machines)
    if is_new:
        sample_manifest(workspace, per_class=settings.per_class)
    fetch_clips(workspace, source, settings.block_size, runner, asking)
    return extract_features(workspace, settings.video, runner, machines=machines)


def make_results(
    workspace: Path,
    settings: Preset,
    vectors: str | Path | None = None,
    wording: Wording | None = None,
    seed: int = 0,
    device: str = "cpu",
    runner: Runner | None = None,
) -> Path:
    """Shards to tables: class vectors, sound network, CJME, scores, and the report, whose path is returned.

    `vectors` and `wording` are those of make-class-vectors; of several GPUs of `device`, training takes the first.

    Raises:
        SetupError: another run of train-cjme is going on in the workspace, whose words and sound vectors are those of
            one run at a time; or a setting is out of range, or as the stages raise it.
    """
    check_seed(seed)
    with alone(Workspace(workspace), "train-cjme"):
        make_class_vectors(workspace, vectors, wording)
        network = train_audio_cnn(workspace, settings.audio, seed, device)
        embed_audio(workspace, network, runner or Processes(), device)
        return report_results(workspace, score_cjme(workspace, settings.cjme, seed, device))
