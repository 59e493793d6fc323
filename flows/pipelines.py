"""Pipelines: the stages in their order, up to the shards and from the shards to the tables."""

from pathlib import Path

from audiosetzsl.workspace import Workspace
from flows.embed_audio import embed_audio
from flows.extract_features import extract_features
from flows.fetch_clips import fetch_clips
from flows.make_class_vectors import make_class_vectors
from flows.presets import Preset
from flows.report_results import report_results
from flows.runner import Processes, Runner
from flows.sample_manifest import sample_manifest
from flows.score_cjme import score_cjme
from flows.train_audio_cnn import train_audio_cnn


def make_dataset(
    workspace: Path, settings: Preset, source: str = "synthetic", runner: Runner | None = None
) -> dict[tuple[str, str], int]:
    """Manifest to shards: takes the workspace's manifest, or a sample of the published one where it has none.

    Returns:
        How many segments have which (kind, status or flag), as extract-features counts them.
    """
    runner = runner or Processes()
    if not Workspace(workspace).manifest.is_file():
        sample_manifest(workspace, per_class=settings.per_class)
    fetch_clips(workspace, source, settings.block_size, runner)
    return extract_features(workspace, settings.video, runner)


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
    return report_results(workspace, checkpoint, what_to_know(settings))


def what_to_know(settings: Preset) -> list[str]:
    """Sentences without which the numbers of a run would be misread."""
    notes = []
    if settings.video.weights.startswith("random:"):
        notes.append(
            "The video network has random weights: it tells clips apart, but has learnt nothing. "
            "These numbers say that the pipeline works, not how good the method is."
        )
    return notes
