"""Inputs of CJME: classes, their vectors and the clips of each split, and what tells them from all others."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from audiosetzsl.errors import ShardError
from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures, SeenClips, SeenLabels
from audiosetzsl.features import ClipVectors, load_vectors
from audiosetzsl.features.parts import parts_of
from audiosetzsl.manifest import class_list_of, read_manifest
from audiosetzsl.shards import Kind, Recipe, recipe_of
from audiosetzsl.word_tables.named import read_class_vectors
from audiosetzsl.workspace import Workspace
from audiosetzsl.zero_shot import refuse_unseen, taught_by

KINDS = (Kind.AUDIO, Kind.VIDEO)


@dataclass(frozen=True, slots=True)
class CjmeInputs:
    """All that CJME learns from and is asked about; of train there are clips of seen classes only."""

    classes: ClassTable
    class_vectors: np.ndarray  # float32 [n_classes, width], in the order of the classes
    clips: Mapping[str, ClipVectors]  # train, val and test
    words_made_by: Recipe
    features_made_by: Mapping[Kind, Recipe]

    @staticmethod
    def of(place: Workspace) -> "CjmeInputs":
        """Load them: 1.2 GB for the whole dataset, nearly all of it features.

        Raises:
            ShardError: class vectors or features are absent or damaged, or were made again meanwhile.
            ManifestError: the manifest is.
            SetupError: the sound network was taught a class that is unseen here.
        """
        classes = ClassTable.of(class_list_of(read_manifest(place.manifest)))
        words, features = made_by = _recipes_of(place)
        _check_zero_shot(place, features[Kind.AUDIO], classes)
        vectors = class_vectors(place, classes)
        seen_of = {"train": True, "val": None, "test": None}
        clips = {split: load_vectors(place, KINDS, split=split, seen=seen) for split, seen in seen_of.items()}
        if _recipes_of(place) != made_by:
            raise ShardError(
                f"class vectors or features of {place.root} were made again while they were read; wait until that "
                "has ended, then repeat this command"
            )
        return CjmeInputs(classes, vectors, clips, words, features)

    def facts(self) -> dict[str, object]:
        """What a model's recipe says of its inputs: another one whenever a single value of them is."""
        return {
            "classes": asdict(self.classes),
            "class_vectors": {
                "sha256": hashlib.sha256(np.ascontiguousarray(self.class_vectors).data).hexdigest(),
                **_as_facts(self.words_made_by),
            },
            "clips": {split: _digest(clips) for split, clips in self.clips.items()},
            "features": {str(kind): _as_facts(recipe) for kind, recipe in self.features_made_by.items()},
        }

    def features(self, split: str) -> ClipFeatures:
        """What a model is asked about."""
        clips = self.clips[split]
        return ClipFeatures(audio=clips[Kind.AUDIO], video=clips[Kind.VIDEO])

    def seen_clips(self) -> SeenClips:
        """What a model may learn from."""
        rows = self.clips["train"].rows
        labels = SeenLabels(rows.class_name.tolist(), rows.split.tolist(), self.classes)
        return SeenClips(self.features("train"), labels)


def class_vectors(place: Workspace, classes: ClassTable) -> np.ndarray:
    """Class vectors [n_classes, width] in the order of the class table.

    Raises:
        ShardError: a class has none, or the file is absent or damaged.
    """
    rows = dict(zip(*read_class_vectors(place.text), strict=True))
    missing = sorted(set(classes.names) - set(rows))
    if missing:
        raise ShardError(
            f"{place.text} has no vector of {', '.join(missing)}; run `python -m flows make-class-vectors`"
        )
    return np.stack([rows[name] for name in classes.names])


def _recipes_of(place: Workspace) -> tuple[Recipe, dict[Kind, Recipe]]:
    """What made the class vectors, and what made the features of each kind."""
    if not place.text.is_file():
        raise ShardError(f"{place.text} does not exist; run `python -m flows make-class-vectors`")
    return recipe_of(place.text), {kind: recipe_of(parts_of(place, kind).paths[0]) for kind in KINDS}


def _as_facts(recipe: Recipe) -> dict[str, object]:
    """Name and facts of a recipe, in plain JSON."""
    facts: dict[str, object] = json.loads(recipe.as_json())
    return facts


def _check_zero_shot(place: Workspace, sound: Recipe, classes: ClassTable) -> None:
    """Refuse sound vectors of a network that was taught a class that is unseen here, perhaps since then."""
    unseen = [name for name, seen in zip(classes.names, classes.seen, strict=True) if not seen]
    refuse_unseen(f"the network behind {place.features(Kind.AUDIO)}", taught_by(sound), unseen)


def _digest(clips: ClipVectors) -> str:
    """SHA-256 of rows and matrices, which are read where they lie."""
    told = hashlib.sha256()
    for column in ("segment_id", "class_name", "seen", "split"):
        told.update(json.dumps(clips.rows[column].tolist()).encode())
    for kind in KINDS:
        told.update(np.ascontiguousarray(clips[kind]).data)
    return told.hexdigest()
