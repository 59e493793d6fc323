"""Options that several commands share, and the way in which all of them call their stage."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.seeds import LARGEST

ROOT = Path("work")

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


def run(
    prefect: bool, stage: Callable[..., Any], *arguments: Any, workers: int | None = None, **named: Any
) -> None:
    """Call a stage here, or as a Prefect flow of its own, with so many workers where it takes any."""
    if prefect:
        from flows.recording import record

        stage = record(stage, workers)
    elif workers:
        from flows.runner import Processes

        named["runner"] = Processes(workers)
    stage(*arguments, **named)
