"""Pipelines: the stages in their order, up to the shards and from the shards to the tables."""

from dataclasses import replace
from pathlib import Path

from audiosetzsl.errors import SetupError
from audiosetzsl.workspace import Workspace
from extractors.video.nets import weights_name
from flows.asking import Asking
from flows.embed_audio import embed_audio
from flows.extract_features import Machines, extract_features
from flows.fetch_clips import fetch_clips
from flows.make_class_vectors import make_class_vectors
from flows.presets import Preset
from flows.report_results import report_results
from flows.runner import Processes, Runner
from flows.sample_manifest import sample_manifest
from flows.score_cjme import score_cjme
from flows.train_audio_cnn import train_audio_cnn


def make_dataset(
    workspace: Path,
    settings: Preset,
    source: str = "synthetic",
    runner: Runner | None = None,
    asking: Asking | None = None,
    weights: str | None = None,
    machines: Machines | None = None,
) -> dict[tuple[str, str], int]:
    """Manifest to shards: takes the workspace's manifest, or a sample of the published one where it has none.

    `weights` are those of the video network, None takes the preset's; `machines` are the devices it runs on.

    Raises:
        SetupError: stand-ins of the whole dataset were asked for, which nobody wants; or there are no weights,
            which is better known now than after weeks of fetching.

    Returns:
        How many segments have which (kind, status or flag), as extract-features counts them.
    """
    runner = runner or Processes()
    video = replace(settings.video, weights=weights) if weights else settings.video
    is_new = not Workspace(workspace).manifest.is_file()
    if is_new and source == "synthetic" and settings.per_class is None:
        raise SetupError(
            f"{workspace} has no manifest, and stand-ins of the whole dataset are of no use; name your clips "
            "with --source youtube or local:FOLDER, or give it a manifest with build-manifest or sample-manifest"
        )
    weights_name(video)  # raises where there are none
    if is_new:
        sample_manifest(workspace, per_class=settings.per_class)
    fetch_clips(workspace, source, settings.block_size, runner, asking)
    return extract_features(workspace, video, runner, machines=machines)


def make_results(
    workspace: Path,
    settings: Preset,
    vectors: Path | None = None,
    seed: int = 0,
    runner: Runner | None = None,
) -> Path:
    """Shards to tables: class vectors, sound network, CJME, scores, and the report, whose path is returned."""
    make_class_vectors(workspace, vectors)
    embed_audio(workspace, train_audio_cnn(workspace, settings.audio, seed), runner or Processes())
    checkpoint = score_cjme(workspace, settings.cjme, seed)
    return report_results(workspace, checkpoint, settings)
