"""Commands from clips to vectors: of pictures, of sound, of the words for classes."""

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.options import (
    ROOT,
    Device,
    Feeders,
    Net,
    OneDevice,
    Phrases,
    Precision,
    PresetName,
    Prompts,
    Recorded,
    Seed,
    StopWords,
    Vectors,
    Weights,
    Work,
    run,
)


def fetch_weights(
    net: Annotated[
        str, typer.Argument(help="i3d, or torchvision's s3d, r2plus1d_18, mvit_v2_s, swin3d_t.")
    ] = "i3d",
) -> None:
    """Published weights of a video network -> this user's cache (or $AZSL_WEIGHTS)."""
    from flows.fetch_weights import fetch_weights as stage

    stage(net)


def extract_features(
    workspace: Work = ROOT,
    preset_name: Annotated[
        str | None,
        typer.Option("--preset", help="`paper` or `demo`; default: as the workspace was begun, or `paper`."),
    ] = None,
    net: Net = None,
    weights: Weights = None,
    precision: Precision = None,
    device: Device = "cpu",
    feeders: Feeders = None,
    prefect: Recorded = False,
) -> None:
    """Clips -> shards of log-mel and video features."""
    from flows.extract_features import Machines
    from flows.extract_features import extract_features as stage
    from flows.extracting.choosing import choose_video

    video = choose_video(workspace, preset_name, net, weights, precision)
    run(prefect, stage, workspace, video, machines=Machines(device, feeders))


def make_class_vectors(
    workspace: Work = ROOT,
    vectors: Vectors = None,
    phrases: Phrases = None,
    stop_words: StopWords = "",
    prompts: Prompts = None,
    prefect: Recorded = False,
) -> None:
    """Class names -> a vector each, and which classes lie near each other by them."""
    from flows.choose_vectors import wording_of
    from flows.make_class_vectors import make_class_vectors as stage

    run(prefect, stage, workspace, vectors, wording_of(phrases, stop_words, prompts))


def train_audio_cnn(
    workspace: Work = ROOT,
    preset_name: PresetName = "paper",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the preset, once or more: `passes=30`, `loss=sigmoid`."),
    ] = None,
    seed: Seed = 0,
    device: OneDevice = "cpu",
    prefect: Recorded = False,
) -> None:
    """Log-mel of seen train clips -> the sound network."""
    from flows.presets import preset
    from flows.settings import with_settings
    from flows.train_audio_cnn import train_audio_cnn as stage

    training = with_settings(preset(preset_name).audio, settings or [])
    run(prefect, stage, workspace, training, seed, device)


def embed_audio(
    checkpoint: Annotated[
        Path, typer.Option(help="A network of train-audio-cnn (.safetensors), or the original's (.pth).")
    ],
    workspace: Work = ROOT,
    device: Device = "cpu",
    prefect: Recorded = False,
) -> None:
    """Log-mel -> sound vectors."""
    from flows.embed_audio import embed_audio as stage

    run(prefect, stage, workspace, checkpoint, device=device)
