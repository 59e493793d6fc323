"""Zero-shot: which classes a network behind features was taught, and that no unseen class is among them."""

from collections.abc import Collection

from audiosetzsl.errors import SetupError
from audiosetzsl.shards import Recipe

TAUGHT = "taught"  # the fact of a recipe that names the classes; None where the weights do not say


def taught_by(recipe: Recipe) -> tuple[str, ...] | None:
    """Classes that the network behind some sound vectors was taught; None where nobody knows."""
    match recipe.facts.get(TAUGHT):
        case list(names) | tuple(names):
            return tuple(str(name) for name in names)
    return None


def refuse_unseen(what: str, taught: Collection[str] | None, unseen: Collection[str]) -> None:
    """Refuse a network that was taught a class that the workspace holds to be unseen; `what` is the network.

    Raises:
        SetupError: it was.
    """
    if learnt := sorted(set(unseen) & set(taught or ())):
        raise SetupError(
            f"{what} has learnt {', '.join(learnt)}, which are unseen classes of this workspace; what is "
            "measured with it would not be zero-shot. Use a network that train-audio-cnn made here"
        )


def is_told(taught: Collection[str] | None, classes: Collection[str]) -> bool:
    """Whether it is known which of these classes a network was taught: it names one of them at least."""
    return bool(set(taught or ()) & set(classes))
