"""Report notes: sentences without which the numbers of a run would be misread."""

from collections.abc import Collection, Mapping

from audiosetzsl.clips.sources import ClipSources
from audiosetzsl.errors import ShardError
from audiosetzsl.evaluation.training_set import ClassTable
from audiosetzsl.feature_sets.of_workspace import recipes_in
from audiosetzsl.shards import Kind, Recipe
from audiosetzsl.zero_shot import is_told, taught_by
from flows.choose_vectors import OF_AUDIOSET


def what_to_know(recipe: Recipe, sources: ClipSources, classes: ClassTable) -> list[str]:
    """What to say of a run, whose scores were made by `recipe` of clips from these sources.

    Raises:
        ShardError: the recipe does not say what made the features.
    """
    kinds = (Kind.AUDIO, Kind.VIDEO)
    made_by = {str(kind): _made_by(recipe, kind) for kind in kinds}
    return [
        *of_clips(sources),
        *of_networks(made_by, kinds, classes),
        *of_words(recipes_in(recipe.facts)),
    ]


def of_clips(sources: ClipSources) -> list[str]:
    """What to say of where the clips came from."""
    if "synthetic" in sources.names:
        return ["The clips are rendered stand-ins, no videos. The numbers say that the pipeline works."]
    if not sources.are_known:
        return [
            "The ledger of clips was missing or damaged by then: whether all clips are videos, and none is a "
            "rendered stand-in, is not known."
        ]
    return []


def of_networks(made_by: Mapping[str, Recipe], kinds: Collection[Kind], classes: ClassTable) -> list[str]:
    """What to say of the networks that made the features of these kinds, as far as it is known which they are."""
    notes = []
    sound, pictures = made_by.get(str(Kind.AUDIO)), made_by.get(str(Kind.VIDEO))
    if Kind.AUDIO in kinds and not is_told(taught_by(sound) if sound else None, classes.names):
        notes.append(
            "Which of these classes the sound network has learnt is not known. If an unseen one is among them, the "
            "numbers are not zero-shot."
        )
    if Kind.VIDEO in kinds and pictures and pictures.is_random:
        notes.append(
            "The video network has random weights: it tells clips apart, but has learnt nothing. "
            "The numbers do not say how good the method is."
        )
    return notes


def of_words(made_by: Mapping[str, Recipe]) -> list[str]:
    """What to say of the vectors of the classes, as far as it is known what they were made of."""
    words = made_by.get("class vectors")
    source = words.facts.get("source") if words else None
    if source == OF_AUDIOSET:
        return [f"The vectors of the classes are made of {source}; the paper's are word2vec of Wikipedia."]
    return [f"The vectors of the classes are of {source}."] if source else []


def _made_by(recipe: Recipe, kind: Kind) -> Recipe:
    """What made the features of a kind that a model was given."""
    match recipe.facts.get("features"):
        case dict(features):
            match features.get(str(kind)):
                case {"name": str(name), "facts": dict(facts)}:
                    return Recipe(name, facts)
    raise ShardError(f"the scores do not say what made their {kind} features; delete them and score again")
