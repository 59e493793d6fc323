"""Stage score-cjme: CJME learns from the seen classes and scores val and test."""

import hashlib
from pathlib import Path

import numpy as np

from audiosetzsl.errors import ShardError
from audiosetzsl.evaluation.protocol import Scores, choose_beta
from audiosetzsl.evaluation.scores import write_scores
from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures, SeenClips, SeenLabels
from audiosetzsl.features import ClipVectors, load_vectors
from audiosetzsl.manifest import class_list_of, read_manifest
from audiosetzsl.shards import Kind, fingerprint
from audiosetzsl.show import progress_bar, say
from audiosetzsl.word_tables.named import read_class_vectors
from audiosetzsl.workspace import Workspace
from models.cjme import Cjme, CjmeConfig, save_cjme
from models.fit_cjme import CjmePass, CjmeTraining, fit_cjme

KINDS = (Kind.AUDIO, Kind.VIDEO)
SCORED = ("val", "test")


def score_cjme(workspace: Path, training: CjmeTraining | None = None, seed: int = 0) -> Path:
    """Fit CJME once for the same features and settings, and write its scores of val and test.

    It learns from train clips of seen classes; val, with its clips of unseen classes as in the paper, says
    when to stop. Returns the checkpoint.
    """
    place, training = Workspace(workspace), training or CjmeTraining()
    table = ClassTable.of(class_list_of(read_manifest(place.manifest)))
    text = class_vectors(place, table)
    config = CjmeConfig(text_width=text.shape[1])
    train = load_vectors(place, KINDS, split="train", seen=True)
    data = hashlib.sha256(text.tobytes() + b"".join(train[kind].tobytes() for kind in KINDS)).hexdigest()
    made_of = fingerprint(training, shape=fingerprint(config), data=data, seed=str(seed))
    path = place.models / f"cjme-{made_of}.safetensors"
    if path.is_file():
        say(f"{path} is trained already")
        return path
    val = load_vectors(place, KINDS, split="val", seen=None)
    actual = table.indices_of(val.rows.class_name.tolist())

    def val_harmonic(model: Cjme) -> float:
        return choose_beta(Scores(model.scores(features_of(val), text), actual, table, "val")).harmonic

    seen = SeenClips(
        features_of(train), SeenLabels(train.rows.class_name.tolist(), train.rows.split.tolist(), table)
    )
    with progress_bar() as bar:
        task = bar.add_task("score-cjme", total=training.passes)

        def on_pass(done: CjmePass) -> None:
            told = f"score-cjme  loss {done.loss:.2f}  val HM {done.val or 0:.1%}"
            bar.update(task, completed=done.number, description=told)

        model = fit_cjme(seen, text, config, training, seed=seed, validate=val_harmonic, on_pass=on_pass)
    for split in SCORED:
        clips = load_vectors(place, KINDS, split=split, seen=None)
        write_scores(
            scores_path(place, path, split), clips.rows, model.scores(features_of(clips), text), table
        )
    # The checkpoint comes last: where it stands, its scores do too.
    save_cjme(model, path)
    say(f"trained on {len(train)} clips of seen classes: {path}")
    return path


def scores_path(place: Workspace, checkpoint: Path, split: str) -> Path:
    """Where the scores that a model gave a split lie."""
    return place.results / checkpoint.stem / f"scores-{split}.parquet"


def features_of(clips: ClipVectors) -> ClipFeatures:
    """What a model is asked about, out of what a workspace holds."""
    return ClipFeatures(audio=clips[Kind.AUDIO], video=clips[Kind.VIDEO])


def class_vectors(place: Workspace, table: ClassTable) -> np.ndarray:
    """Class vectors [n_classes, width] in the order of the class table."""
    rows = dict(zip(*read_class_vectors(place.text), strict=True))
    missing = sorted(set(table.names) - set(rows))
    if missing:
        raise ShardError(
            f"{place.text} has no vector of {', '.join(missing)}; run `python -m flows make-class-vectors`"
        )
    return np.stack([rows[name] for name in table.names])
