"""Stage train-audio-cnn: the sound network learns to tell the seen classes of the train split apart."""

import hashlib
from pathlib import Path

from audiosetzsl.evaluation.training_set import ClassTable, SeenLabels
from audiosetzsl.features import stream_log_mel
from audiosetzsl.manifest import class_list_of, read_manifest
from audiosetzsl.shards import Kind, fingerprint, made_by_of
from audiosetzsl.show import progress_bar, say
from audiosetzsl.workspace import Workspace
from models.audio_cnn import save_audio_cnn
from models.fit_audio_cnn import AudioCnnPass, AudioCnnTraining, fit_audio_cnn


def train_audio_cnn(workspace: Path, training: AudioCnnTraining | None = None, seed: int = 0) -> Path:
    """Train the audio CNN on log-mels of seen train clips, once for the same clips and settings.

    Returns:
        The checkpoint, named by the fingerprint of everything it depends on.
    """
    place, training = Workspace(workspace), training or AudioCnnTraining()
    table = ClassTable.of(class_list_of(read_manifest(place.manifest)))
    clips = list(stream_log_mel(place, split="train", seen=True))
    ids = hashlib.sha256("\n".join(sorted(name for name, *_ in clips)).encode()).hexdigest()
    made_of = made_by_of(next(place.features(Kind.LOG_MEL).glob("part-*.parquet")))
    key = fingerprint(training, clips=ids, log_mel=made_of, seed=str(seed))
    path = place.models / f"audio_cnn-{key}.safetensors"
    if path.is_file():
        say(f"{path} is trained already")
        return path
    labels = SeenLabels([name for _, name, _ in clips], ["train"] * len(clips), table)
    with progress_bar() as bar:
        task = bar.add_task("train-audio-cnn", total=training.passes)

        def on_pass(done: AudioCnnPass) -> None:
            text = f"train-audio-cnn  loss {done.loss:.2f}  accuracy {done.accuracy:.0%}"
            bar.update(task, completed=done.number, description=text)

        model = fit_audio_cnn([frames for *_, frames in clips], labels, training, seed=seed, on_pass=on_pass)
    save_audio_cnn(model, path)
    say(f"trained on {len(clips)} clips of seen classes: {path}")
    return path
