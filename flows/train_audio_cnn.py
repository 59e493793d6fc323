"""Stage train-audio-cnn: the sound network learns to tell the seen classes of the train split apart."""

import hashlib
from pathlib import Path

import pandas as pd

from audiosetzsl.evaluation.training_set import ClassTable, SeenLabels
from audiosetzsl.features import feature_rows, stream_log_mel
from audiosetzsl.features.parts import parts_of
from audiosetzsl.files import write_bytes
from audiosetzsl.manifest import class_list_of, read_manifest
from audiosetzsl.shards import Kind, Recipe, Status
from audiosetzsl.show import progress_bar, say
from audiosetzsl.workspace import Workspace
from flows.extracting.devices import devices_of
from models.audio_cnn import (
    AudioCnn,
    AudioCnnPass,
    AudioCnnTraining,
    HeldOut,
    MappedLogMels,
    as_csv,
    best_of,
    fit_audio_cnn,
    lay_out,
    save_audio_cnn,
)

CODE = 2  # raised by whoever changes what the same settings learn


def train_audio_cnn(
    workspace: Path, training: AudioCnnTraining | None = None, seed: int = 0, device: str = "cpu"
) -> Path:
    """Train the audio CNN on log-mels of seen train clips, once for the same clips and settings.

    Val clips of seen classes decide which pass is kept. Beside the checkpoint lies its log, a row a pass (.csv).
    While it is trained, its progress (.progress) and the log-mels, laid out to be read from anywhere (.arrow), lie
    there too: a run that is killed goes on from the last pass.

    Returns:
        The checkpoint, named by the fingerprint of everything it depends on.

    Raises:
        ShardError: there are no log-mels, or one is damaged.
        SetupError: fewer than two seen classes have clips, training diverged, or the device is not here.
    """
    place, training, (on, *_) = Workspace(workspace), training or AudioCnnTraining(), devices_of(device)
    rows = feature_rows(place, Kind.LOG_MEL)
    rows = rows[(rows.status == Status.OK) & rows.seen & rows.split.isin(("train", "val"))]
    clips = {"clips": _digest(rows), "log_mel": parts_of(place, Kind.LOG_MEL).made_by}
    key = Recipe.of(training, code=CODE, seed=str(seed), **clips).fingerprint
    path = place.models / f"audio_cnn-{key}.safetensors"
    if path.is_file():
        say(f"{path} is trained already")
        return path
    heard = Recipe("clips", clips).fingerprint
    train = _laid_out(place, "train", rows, heard)
    val = _laid_out(place, "val", rows, heard) if "val" in set(rows.split) else None
    save_audio_cnn(_fit(place, path, (train, val), training, seed, on), path)
    for scratch in (train, val, path.with_suffix(".progress")):
        if scratch:
            scratch.unlink(missing_ok=True)
    return path


def _laid_out(place: Workspace, split: str, rows: pd.DataFrame, heard: str) -> Path:
    """Log-mels of seen classes of one split, in a file that can be mapped; `heard` says which they are.

    The split that is noted beside each comes from the manifest on its own, so that training can check it.
    """
    path = place.models / f"log_mels-{heard}.{split}.arrow"
    split_of = dict(zip(rows.segment_id, rows.split, strict=True))
    stream = stream_log_mel(place, split=split, seen=True)
    # Extraction may go on meanwhile: what came after the look at the rows stays out.
    log_mels = ((name, of, split_of[name], frames) for name, of, frames in stream if name in split_of)
    return path if path.is_file() else lay_out(log_mels, path)


def _fit(
    place: Workspace,
    path: Path,
    laid: tuple[Path, Path | None],
    training: AudioCnnTraining,
    seed: int,
    device: str,
) -> AudioCnn:
    table = ClassTable.of(class_list_of(read_manifest(place.manifest)))
    train, val = (MappedLogMels(file) if file else None for file in laid)
    assert train is not None
    labels = SeenLabels(train.class_names, train.splits, table)
    held_out = HeldOut(val, val.class_names, val.splits, table) if val else None
    passes: list[AudioCnnPass] = []
    with progress_bar() as bar:
        task = bar.add_task("train-audio-cnn", total=training.passes)

        def on_pass(done: AudioCnnPass) -> None:
            passes.append(done)
            write_bytes(path.with_suffix(".csv"), as_csv(passes).encode())
            bar.update(task, completed=done.number, words=_in_short(done))

        model = fit_audio_cnn(
            train,
            labels,
            training,
            seed=seed,
            held_out=held_out,
            resume_at=path.with_suffix(".progress"),
            on_pass=on_pass,
            device=device,
        )
    best = best_of(passes)
    say(f"trained on {len(train)} clips of seen classes: {path}")
    say(f"kept pass {best.number} of {len(passes)}: {_told(best)}; all: {path.with_suffix('.csv')}")
    return model


def _in_short(one: AudioCnnPass) -> str:
    return f"loss {one.loss:.2f}" + ("" if one.val_map is None else f", val mAP {one.val_map:.2f}")


def _told(one: AudioCnnPass) -> str:
    told = f"loss {one.loss:.3f}, accuracy {one.accuracy:.0%}"
    if one.val_map is None:
        return f"{told}, nothing held out"
    return f"{told}; on val {one.val_loss:.3f}, {one.val_accuracy:.0%}, mAP {one.val_map:.3f}"


def _digest(rows: pd.DataFrame) -> str:
    lines = "\n".join(sorted(f"{row.segment_id} {row.split} {row.class_name}" for row in rows.itertuples()))
    return hashlib.sha256(lines.encode()).hexdigest()
