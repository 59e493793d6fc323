"""Command line of the factory: `python -m flows STAGE`."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from audiosetzsl.errors import AudioSetZSLError
from flows.seeds import LARGEST

app = typer.Typer(
    help="The factory: every stage of the dataset and its results, resumed where it broke off.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Work = Annotated[
    Path, typer.Option("--workspace", help="Folder of the run: manifest, clips, features, results.")
]
Recorded = Annotated[
    bool, typer.Option("--prefect", help="Record the run in Prefect (starts or uses its server).")
]
PresetName = Annotated[
    str, typer.Option("--preset", help="Settings: `paper` or `demo` (small, for a trial).")
]
Source = Annotated[
    str,
    typer.Option(
        help="Where clips come from: `youtube`, `local:FOLDER` (or an fsspec address), "
        "`https://host/{ytid}.mp4`, or `synthetic` (stand-ins)."
    ),
]
Egress = Annotated[str, typer.Option(help="Name of the address that asks; each has a pace of its own.")]
PerHour = Annotated[float, typer.Option("--rate", help="Videos an hour that this egress asks for.")]
Threads = Annotated[int | None, typer.Option(help="Threads that ask at once, in each process.")]
Config = Annotated[
    Path | None,
    typer.Option("--yt-dlp-config", help="Configuration file of yt-dlp: cookies, proxy, tokens, sleeps."),
]
Canary = Annotated[
    str | None,
    typer.Option("--canaries", help="Ids of videos known to be alive, with commas; default: three old ones."),
]
Again = Annotated[
    str, typer.Option("--again", help="Verdicts to ask for once more, with commas: `age` with cookies, say.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for what is due later, for days if need be.")]
Seed = Annotated[int, typer.Option(min=0, max=LARGEST, help="Seed of everything that is drawn.")]
Vectors = Annotated[
    str | None,
    typer.Option(
        help="Table of word vectors (word2vec, fastText, GloVe, .npz, Parquet), `sentence-transformers:MODEL`, or "
        "`audioset`: AudioSet's own words, the default. A file called `audioset` is `./audioset`."
    ),
]
Phrases = Annotated[
    Path | None, typer.Option(help='Words that stand for classes, `name = "phrase"`: .toml or .csv.')
]
StopWords = Annotated[
    str, typer.Option(help="Words left out of phrases, with commas: `of,and`, which word2vec lacks.")
]
Prompts = Annotated[
    list[str] | None,
    typer.Option("--prompt", help="Text around a phrase, for text towers: `the sound of {}`."),
]
Weights = Annotated[
    str | None,
    typer.Option(
        help="Of the video network: a file, `kinetics400` (see fetch-weights), or `random` (stand-ins)."
    ),
]
Net = Annotated[str | None, typer.Option(help="i3d, or torchvision's s3d, r2plus1d_18, mvit_v2_s, swin3d_t.")]
Precision = Annotated[str | None, typer.Option(help="fp32, tf32 or bf16.")]
Device = Annotated[str, typer.Option(help="cpu, cuda (all GPUs), or some: cuda:0,cuda:2.")]
Feeders = Annotated[int | None, typer.Option(help="Processes that decode for each device.")]
OneDevice = Annotated[str, typer.Option("--device", help="cpu, or one GPU: cuda, cuda:1.")]
ROOT = Path("work")


@app.command("build-manifest")
def build_manifest(
    audioset: Annotated[str, typer.Option(help="Folder with AudioSet's six files, or `download`.")],
    workspace: Work = ROOT,
    classes: Annotated[
        Path | None, typer.Option(help="TOML with your own classes; default: AudioSetZSL.")
    ] = None,
    split: Annotated[
        str, typer.Option(help="`hash`, or `release:PATH_OR_URL` for the authors' lists.")
    ] = "hash",
    seed: Seed = 0,
    any_lists: Annotated[
        bool, typer.Option("--any-lists", help="Take lists that are not AudioSet's own.")
    ] = False,
    prefect: Recorded = False,
) -> None:
    """AudioSet's lists -> the manifest, its drops, the funnel."""
    from flows.build_manifest import build_manifest as stage

    _run(prefect, stage, workspace, audioset, classes, split, seed, any_lists)


@app.command("sample-manifest")
def sample_manifest(
    workspace: Work = ROOT,
    manifest: Annotated[
        Path | None, typer.Option(help="Take rows of this manifest; default: published.")
    ] = None,
    per_class: Annotated[int | None, typer.Option(help="Segments of each class.")] = None,
    having: Annotated[Path | None, typer.Option(help="Only segments whose clip is in this folder.")] = None,
    prefect: Recorded = False,
) -> None:
    """Some rows of a manifest -> a manifest for a trial, or for the clips one has."""
    from flows.sample_manifest import sample_manifest as stage

    _run(prefect, stage, workspace, manifest, per_class, having)


@app.command("fetch-clips")
def fetch_clips(
    workspace: Work = ROOT,
    source: Source = "synthetic",
    egress: Egress = "default",
    per_hour: PerHour = 300.0,
    threads: Threads = None,
    config: Config = None,
    canaries: Canary = None,
    again: Again = "",
    wait: Wait = False,
    prefect: Recorded = False,
) -> None:
    """Manifest -> clips and their ledger; resumed by the same command, for weeks if need be."""
    from flows.asking import asking_of
    from flows.fetch_clips import fetch_clips as stage

    asking = asking_of(egress, per_hour, threads, config, canaries, again, wait)
    _run(prefect, stage, workspace, source, asking=asking)


@app.command("check-availability")
def check_availability(
    workspace: Work = ROOT,
    on: Annotated[
        str | None,
        typer.Option(help="Day of the check, YYYY-MM-DD; default: one begun lately, or today."),
    ] = None,
    egress: Egress = "default",
    per_hour: PerHour = 300.0,
    threads: Threads = None,
    config: Config = None,
    canaries: Canary = None,
    again: Again = "",
    wait: Wait = False,
    prefect: Recorded = False,
) -> None:
    """Manifest -> which of its videos are alive, without any media, as a dated layer."""
    from flows.asking import asking_of
    from flows.check_availability import check_availability as stage

    asking = asking_of(egress, per_hour, threads, config, canaries, again, wait)
    _run(prefect, stage, workspace, on=on, asking=asking)


@app.command("fetch-weights")
def fetch_weights(
    net: Annotated[
        str, typer.Argument(help="i3d, or torchvision's s3d, r2plus1d_18, mvit_v2_s, swin3d_t.")
    ] = "i3d",
) -> None:
    """Published weights of a video network -> this user's cache (or $AZSL_WEIGHTS)."""
    from flows.fetch_weights import fetch_weights as stage

    stage(net)


@app.command("extract-features")
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
    _run(prefect, stage, workspace, video, machines=Machines(device, feeders))


@app.command("make-class-vectors")
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

    _run(prefect, stage, workspace, vectors, wording_of(phrases, stop_words, prompts))


@app.command("train-audio-cnn")
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
    _run(prefect, stage, workspace, training, seed, device)


@app.command("embed-audio")
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

    _run(prefect, stage, workspace, checkpoint, device=device)


@app.command("score-cjme")
def score_cjme(
    workspace: Work = ROOT,
    preset_name: PresetName = "paper",
    seed: Seed = 0,
    device: OneDevice = "cpu",
    prefect: Recorded = False,
) -> None:
    """Vectors -> CJME, its scores of val and test, and its embeddings of test."""
    from flows.presets import preset
    from flows.score_cjme import score_cjme as stage

    _run(prefect, stage, workspace, preset(preset_name).cjme, seed, device)


@app.command("report-results")
def report_results(
    checkpoint: Annotated[Path, typer.Option(help="A CJME that score-cjme wrote.")],
    workspace: Work = ROOT,
    prefect: Recorded = False,
) -> None:
    """Scores and embeddings -> S, U, HM, mAP and a page."""
    from flows.report_results import report_results as stage

    _run(prefect, stage, workspace, checkpoint)


@app.command("build-dataset")
def build_dataset(
    workspace: Work = ROOT,
    source: Source = "synthetic",
    preset_name: PresetName = "demo",
    egress: Egress = "default",
    per_hour: PerHour = 300.0,
    config: Config = None,
    net: Net = None,
    weights: Weights = None,
    precision: Precision = None,
    device: Device = "cpu",
    feeders: Feeders = None,
    prefect: Recorded = False,
) -> None:
    """All stages from the manifest to the shards."""
    from flows.asking import asking_of
    from flows.extract_features import Machines
    from flows.extracting.choosing import with_options
    from flows.pipelines import make_dataset
    from flows.presets import preset

    base, asking = preset(preset_name), asking_of(egress, per_hour, config=config)
    settings = replace(base, video=with_options(base.video, net, weights, precision))
    machines = Machines(device, feeders)
    _run(prefect, make_dataset, workspace, settings, source, asking=asking, machines=machines)


@app.command("train-cjme")
def train_cjme(
    workspace: Work = ROOT,
    preset_name: PresetName = "demo",
    vectors: Vectors = None,
    phrases: Phrases = None,
    stop_words: StopWords = "",
    prompts: Prompts = None,
    seed: Seed = 0,
    device: Device = "cpu",
    prefect: Recorded = False,
) -> None:
    """All stages from the shards to the tables; of several GPUs, training takes the first."""
    from flows.choose_vectors import wording_of
    from flows.pipelines import make_results
    from flows.presets import preset

    wording = wording_of(phrases, stop_words, prompts)
    _run(prefect, make_results, workspace, preset(preset_name), vectors, wording, seed, device)


def _run(prefect: bool, stage: Callable[..., Any], *arguments: Any, **named: Any) -> None:
    """Call a stage here, or as a Prefect flow of its own."""
    if prefect:
        from flows.recording import record

        stage = record(stage)
    stage(*arguments, **named)


def main() -> None:
    """Run a stage; an error that we raise on purpose ends in one line and exit code 1."""
    # Before torch comes in: its threads wait by spinning, which where others work too doubles the time of training.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except AudioSetZSLError as problem:
        sys.exit(f"error: {problem}")


if __name__ == "__main__":
    main()
