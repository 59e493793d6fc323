"""Flow build-dataset: the stages up to the shards, and an event when they gave another dataset."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.blocks.system import Secret
from prefect.client.orchestration import get_client
from prefect.events import Event

from audiosetzsl.files import sha256_of, write_bytes
from audiosetzsl.shards import Kind, clips_of, made_by_of, read_shard
from audiosetzsl.workspace import Workspace
from flows import presets
from flows.asking import Asking
from flows.extract_features import Machines
from flows.extracting.choosing import with_options
from flows.extracting.due import KINDS
from flows.pipelines import make_dataset
from flows.politeness.pace import Pace
from flows.task_runs import PrefectTasks
from flows.youtube.options import VARIABLE


@flow(name="build-dataset", persist_result=False)
def build_dataset(
    workspace: str = "work",
    source: str = "synthetic",
    preset: str = "demo",
    egress: str = "default",
    rate: float = 300.0,
    secret: str | None = None,
    net: str | None = None,
    weights: str | None = None,
    precision: str | None = None,
    device: str = "cpu",
    feeders: int | None = None,
) -> None:
    """Build the dataset, from the manifest to the shards; a changed dataset starts train-cjme.

    Args:
        workspace: folder of the run; one without a manifest gets a sample of the published one.
        source: where clips come from: `youtube`, `local:FOLDER`, `https://host/{ytid}.mp4`, or `synthetic`.
        preset: settings of every stage, `demo` (small, for a trial) or `paper`.
        egress: name of the address that asks YouTube; the server needs a limit `youtube-<egress>`.
        rate: videos an hour that this egress asks for.
        secret: name of a Secret block with options of yt-dlp (cookies, proxy, tokens), if there are any.
        net: video network, `i3d`, `s3d`, `r2plus1d_18`, `mvit_v2_s` or `swin3d_t`; none is the preset's.
        weights: of the video network: a file, `kinetics400` (fetched before), or `random`; none are the preset's.
        precision: of the video network, `fp32`, `tf32` or `bf16`; none is the preset's.
        device: that the video network runs on: `cpu`, `cuda` (all GPUs), or some of them, as in `cuda:0,cuda:2`.
        feeders: processes that decode for each device; none is what the cores allow.
    """
    if secret:
        os.environ[VARIABLE] = secret_of(secret)
    place = Workspace(Path(workspace).resolve())
    asking = Asking(egress=egress, pace=Pace(rate))
    base = presets.preset(preset)
    settings = replace(base, video=with_options(base.video, net, weights, precision))
    counts = make_dataset(place.root, settings, source, PrefectTasks(), asking, Machines(device, feeders))
    table = [{"kind": kind, "status": status, "segments": n} for (kind, status), n in sorted(counts.items())]
    create_table_artifact(table, key="features", description=f"Features in {place.root}")
    digest, announced = dataset_digest(place), place.root / "announced.sha256"
    if is_news(digest, announced):
        announce({"workspace": str(place.root), "preset": preset, "digest": digest})
        # Noted last: a run that breaks off in between announces once too often, never once too few.
        write_bytes(announced, digest.encode())


def dataset_digest(place: Workspace) -> str:
    """SHA-256 over the manifest and all that decides the features: recipes, clips, and what became of each segment.

    The words of reasons are left out: a ledger that puts them otherwise changes no feature.

    Raises:
        ShardError: a shard is damaged.
    """
    digest = hashlib.sha256(sha256_of(place.manifest).encode())
    for kind in KINDS:
        for path in sorted(place.features(kind).glob("part-*.parquet")):
            digest.update(json.dumps([kind, path.name, *_decisive(path, kind)], sort_keys=True).encode())
    return digest.hexdigest()


def _decisive(path: Path, kind: Kind) -> list[Any]:
    """What decides the features of a shard; a hundredth of its bytes is read."""
    rows = read_shard(path, kind, columns=["segment_id", "status"])
    return [made_by_of(path), clips_of(path), *rows.to_pydict().values()]


def is_news(digest: str, announced: Path) -> bool:
    """Whether `digest` is another than the one that was announced last."""
    return not announced.is_file() or announced.read_text() != digest


def announce(payload: dict[str, str]) -> None:
    """Tell the server of a changed dataset, and fail if it does not take it: Prefect's queue would not say."""
    resource = {"prefect.resource.id": "audiosetzsl.dataset"}
    event = Event.model_validate(
        {"event": "audiosetzsl.dataset.changed", "resource": resource, "payload": payload}
    )
    with get_client(sync_client=True) as client:
        client.request("POST", "/events", json=[event.model_dump(mode="json")])


def secret_of(name: str) -> str:
    """Content of a Secret block of the server; the processes that fetch find it in their environment."""
    # Typed as if it might be awaited; here, in a flow that is no coroutine, it is not.
    block: Any = Secret.load(name)
    return str(block.get())
