"""Stage train-audio-cnn: the sound network learns to tell the seen classes of the train split apart."""

from pathlib import Path

from audiosetzsl.evaluation.training_set import SeenLabels
from audiosetzsl.files import write_bytes
from audiosetzsl.shards import Recipe
from audiosetzsl.show import progress_bar, say
from audiosetzsl.workspace import Workspace
from flows.extracting.devices import devices_of
from flows.seeds import check_seed
from flows.training_clips import TrainingClips
from flows.training_scratch import PROGRESS, scratch_of
from models.audio_cnn import (
    AudioCnn,
    AudioCnnPass,
    AudioCnnTraining,
    HeldOut,
    as_csv,
    best_of,
    fit_audio_cnn,
    save_audio_cnn,
)

CODE = 2  # raised by whoever changes what the same settings learn


def train_audio_cnn(
    workspace: Path, training: AudioCnnTraining | None = None, seed: int = 0, device: str = "cpu"
) -> Path:
    """Train the audio CNN on log-mels of seen train clips, once for the same clips and settings.

    Clips are the same where their log-mels are, to the byte; what becomes of any other clip does not matter.
    Val clips of the classes trained on decide which pass is kept; without any, all passes are made and the last is
    kept, which is said. Beside the checkpoint lies its log, a row a pass (.csv), and while it is trained a folder
    (.training) with its progress and its log-mels, laid out to be read from anywhere: a run that is killed goes on
    from the last pass when its command is repeated.

    Returns:
        The checkpoint, named by the fingerprint of everything it depends on.

    Raises:
        ShardError: there are no log-mels, one is damaged, or they were made again meanwhile.
        SetupError: fewer than two seen classes have clips, training diverged, the device is not here, the seed is
            out of range, or another run is training the same.
    """
    place, training, (on, *_) = Workspace(workspace), training or AudioCnnTraining(), devices_of(device)
    check_seed(seed)
    clips = TrainingClips.of(place)
    key = Recipe.of(training, code=CODE, seed=str(seed), **clips.facts).fingerprint
    path = place.models / f"audio_cnn-{key}.safetensors"
    with scratch_of(place, path) as scratch:
        if scratch is None:
            say(f"{path} is trained already")
        else:
            save_audio_cnn(_fit(clips, path, scratch, training, seed, on), path)
    return path


def _fit(
    clips: TrainingClips, path: Path, scratch: Path, training: AudioCnnTraining, seed: int, device: str
) -> AudioCnn:
    train, val = (clips.laid_out(split, scratch / f"{split}.arrow") for split in ("train", "val"))
    assert train is not None
    labels = SeenLabels(train.class_names, train.splits, clips.classes)
    held_out = HeldOut(val, val.class_names, val.splits, clips.classes) if val else None
    if held_out is None:
        say("no val clip is of a class trained on: all passes are made, and the last one is kept")
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
            resume_at=scratch / PROGRESS,
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
