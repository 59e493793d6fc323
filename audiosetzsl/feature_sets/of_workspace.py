"""Of workspace: the feature set of a run, from its manifest, its shards and its class vectors."""

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from audiosetzsl.clips.sources import ClipSources
from audiosetzsl.errors import ShardError
from audiosetzsl.evaluation.training_set import ClassTable, ClipFeatures
from audiosetzsl.feature_sets.feature_set import FeatureSet
from audiosetzsl.feature_sets.named import Form, Name
from audiosetzsl.features import load_vectors
from audiosetzsl.features.parts import parts_of
from audiosetzsl.manifest import class_list_of, read_manifest
from audiosetzsl.shards import Kind, Recipe, recipe_of
from audiosetzsl.word_tables.named import read_class_vectors
from audiosetzsl.workspace import Workspace

KINDS = (Kind.AUDIO, Kind.VIDEO)
SOURCES = "clip_sources"  # in `made_of`


def read_workspace(name: Name) -> FeatureSet:
    """All clips of a workspace that have features of both kinds, with the recipes of everything in `made_of`.

    Raises:
        ShardError: class vectors or features are absent or damaged, or were made again meanwhile.
        ManifestError: the manifest is absent or wrong.
    """
    place = Workspace(name.path)
    classes = ClassTable.of(class_list_of(read_manifest(place.manifest)))
    made_of = _made_of(place)
    rows = dict(zip(*read_class_vectors(place.text), strict=True))
    if missing := sorted(set(classes.names) - set(rows)):
        raise ShardError(
            f"{place.text} has no vector of {', '.join(missing)}; run `python -m flows make-class-vectors`"
        )
    clips = load_vectors(place, KINDS, split=None, seen=None)
    if _made_of(place) != made_of:
        raise ShardError(
            f"class vectors or features of {place.root} were made again while they were read; wait until that "
            "has ended, then repeat this command"
        )
    return FeatureSet(
        clips.rows.segment_id.to_numpy(dtype=np.str_),
        classes.indices_of(clips.rows.class_name.tolist()),
        clips.rows.split.to_numpy(dtype=np.str_),
        ClipFeatures(clips[Kind.AUDIO], clips[Kind.VIDEO]),
        classes,
        np.stack([rows[one] for one in classes.names]),
        made_of=made_of,
    ).in_order()


def _made_of(place: Workspace) -> dict[str, object]:
    """What made the class vectors, and what made the features of each kind."""
    if not place.text.is_file():
        raise ShardError(f"{place.text} does not exist; run `python -m flows make-class-vectors`")
    recipes = {str(kind): _as_facts(recipe_of(parts_of(place, kind).paths[0])) for kind in KINDS}
    return {"class_vectors": _as_facts(recipe_of(place.text)), "features": recipes}


def _as_facts(recipe: Recipe) -> dict[str, object]:
    """Name and facts of a recipe, in plain JSON."""
    facts: dict[str, object] = json.loads(recipe.as_json())
    return facts


def with_sources(name: Name, clips: FeatureSet) -> FeatureSet:
    """A set that leaves its workspace, and the ledger there, with a word on where its clips came from.

    It is none of the set's own facts: features outlive the ledger, and what is learnt from them stays the same.
    """
    if name.form is not Form.WORKSPACE:
        return clips
    told = ClipSources.of(Workspace(name.path)).as_facts()
    return replace(clips, made_of={**clips.made_of, SOURCES: told})


def sources_in(made_of: Mapping[str, object]) -> ClipSources | None:
    """Where clips came from, if `made_of` remembers."""
    return ClipSources.in_facts(made_of.get(SOURCES))


def recipes_in(made_of: Mapping[str, object]) -> dict[str, Recipe]:
    """The recipes that `made_of` remembers, of audio, video and class vectors, whatever way it came."""
    found = {"class vectors": made_of.get("class_vectors")}
    match made_of.get("features"):
        case dict(recipes):
            found = {**recipes, **found}
    return {what: recipe for what, told in found.items() if (recipe := _recipe(told))}


def _recipe(told: object) -> Recipe | None:
    match told:
        case {"name": str(name), "facts": dict(facts)}:
            return Recipe(name, facts)
    return None
