"""Stage score-cjme: CJME learns from the seen classes and scores val and test."""

from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from audiosetzsl.clips.sources import ClipSources, write_sources
from audiosetzsl.evaluation.embedding_file import write_embeddings
from audiosetzsl.evaluation.scores import write_scores
from audiosetzsl.feature_sets import FeatureSet, Protocol, stage_of
from audiosetzsl.feature_sets.digest import digest_of
from audiosetzsl.feature_sets.named import Form, Name
from audiosetzsl.feature_sets.opening import open_set
from audiosetzsl.shards import Recipe
from audiosetzsl.show import progress_bar, say
from audiosetzsl.workspace import Workspace
from flows.alone import alone
from flows.extracting.devices import devices_of
from flows.reproducing.learning import val_harmonic
from flows.seeds import check_seed
from models.cjme import Cjme, CjmeConfig, CjmeTraining, fit_cjme, load_cjme, save_cjme
from models.training import Pass, Team

CODE = 3  # raised by whoever changes what the same inputs and settings learn or score
SCORED = ("val", "test")


def score_cjme(
    workspace: Path, training: CjmeTraining | None = None, seed: int = 0, device: str = "cpu"
) -> Path:
    """Fit CJME once for the same inputs and settings, and write its scores of val and test.

    It learns from train clips of seen classes; val, with its clips of unseen classes as in the paper, says
    when to stop. The scores, the embeddings of test and a note of where the clips came from lie in the folder of
    results that is named after the checkpoint; what is missing there is made of the checkpoint.

    Returns:
        The checkpoint, named by the fingerprint of its inputs, settings and seed. The device is left out, so that a
        model that is there counts wherever it was trained. Trained on another kind of device it would be another
        one: dropout draws other masks there.

    Raises:
        ShardError: features or class vectors are absent or damaged, or were made again meanwhile.
        SetupError: clips of seen or unseen classes are too few, training diverged, the device is not here, the seed
            is out of range, the sound network was taught a class that is unseen here, or another run of score-cjme
            is going on in the workspace.
    """
    check_seed(seed)
    place, training, (on, *_) = Workspace(workspace), training or CjmeTraining(), devices_of(device)
    clips = open_set(Name(Form.WORKSPACE, place.root))
    rows = clips.features
    config = CjmeConfig(rows.audio.shape[1], rows.video.shape[1], clips.class_vectors.shape[1])
    settings = {"training": asdict(training), "shape": asdict(config), "seed": seed, "code": CODE}
    inputs = {"classes": asdict(clips.classes), "clips": digest_of(clips), **clips.made_of}
    recipe = Recipe("Cjme", {**settings, **inputs})
    path = place.models / f"cjme-{recipe.fingerprint}.safetensors"
    with alone(place, "score-cjme"):  # of two devices, one would score with the model that the other replaces
        if path.is_file():
            say(f"{path} is trained already")
        else:
            model = _fit(clips, config, training, seed, on)
            # Scores of a checkpoint of this name that is gone: another device may have trained it.
            for written in results_of(place, path):
                written.unlink(missing_ok=True)
            save_cjme(model, path)
            say(f"trained on {_n_learnt(clips)} clips of seen classes: {path}")
        _score(place, path, clips, recipe)
    return path


def scores_path(place: Workspace, checkpoint: Path, split: str) -> Path:
    """Where the scores that a model gave a split lie."""
    return place.results / checkpoint.stem / f"scores-{split}.parquet"


def embeddings_path(place: Workspace, checkpoint: Path) -> Path:
    """Where the embeddings of test lie."""
    return place.results / checkpoint.stem / "embeddings-test.npz"


def sources_path(place: Workspace, checkpoint: Path) -> Path:
    """Where the note lies that says where the clips came from."""
    return place.results / checkpoint.stem / "clip-sources.json"


def results_of(place: Workspace, checkpoint: Path) -> list[Path]:
    """All files that are made of a checkpoint: whoever reports it needs every one."""
    scores = [scores_path(place, checkpoint, split) for split in SCORED]
    return [*scores, embeddings_path(place, checkpoint), sources_path(place, checkpoint)]


def _n_learnt(clips: FeatureSet) -> int:
    return int((clips.seen & (clips.splits == "train")).sum())


def _fit(clips: FeatureSet, config: CjmeConfig, training: CjmeTraining, seed: int, device: str) -> Cjme:
    stage = stage_of(clips, Protocol.PAPER)

    with progress_bar() as bar:
        task = bar.add_task("score-cjme", total=training.optimising.passes)

        def on_pass(done: Pass) -> None:
            told = f"score-cjme  loss {done.loss:.2f}  val HM {done.val or 0:.1%}"
            bar.update(task, completed=done.number, description=told)

        return fit_cjme(
            stage.train,
            stage.class_vectors,
            config,
            training,
            seed=seed,
            validate=partial(val_harmonic, stage),
            on_pass=on_pass,
            team=Team(torch.device(device)),
        )


def _score(place: Workspace, checkpoint: Path, clips: FeatureSet, recipe: Recipe) -> None:
    """Write scores, embeddings and the note of sources, where one of them is missing; test comes last."""
    if all(path.is_file() for path in results_of(place, checkpoint)):
        return
    noted = sources_path(place, checkpoint)
    if not noted.is_file():  # what was noted then is nearer to the truth than the ledger now
        write_sources(noted, ClipSources.of(place))
    model = load_cjme(checkpoint)  # from its file, so that scores are the same whenever they are made
    for split in SCORED:
        asked = clips.rows(clips.splits == split)
        rows = _rows_of(asked)
        embedded = model.embed(asked.features, clips.class_vectors)
        scores = model.decided(embedded)
        write_scores(scores_path(place, checkpoint, split), rows, scores, clips.classes, recipe)
        if split == "test":
            write_embeddings(embeddings_path(place, checkpoint), rows, embedded, clips.classes)


def _rows_of(clips: FeatureSet) -> pd.DataFrame:
    names = np.array(clips.classes.names)[clips.labels]
    return pd.DataFrame({"segment_id": clips.clip_ids, "split": clips.splits, "class_name": names})
