"""Places: what the index lists of xlsa17 say of clips and classes, counted from 0, held to one another."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from audiosetzsl.errors import SetupError

PLACES = ("trainval_loc", "test_seen_loc", "test_unseen_loc")
FIRST_STAGE = ("train_loc", "val_loc")


def check_places(places: Mapping[str, np.ndarray], ids: list[str], path: Path) -> None:
    """Hold every clip to one place of the last stage, and to one of the first at most.

    Raises:
        SetupError: a clip is in none, or in two.
    """
    for keys in (PLACES, FIRST_STAGE):
        counts = np.bincount(np.concatenate([places[key] for key in keys]), minlength=len(ids))
        if (counts > 1).any():
            raise SetupError(
                f"{path}: clip {ids[int(np.argmax(counts > 1))]} stands twice in {', '.join(keys)}"
            )
        if keys is PLACES and not counts.all():
            raise SetupError(
                f"{path}: {int((counts == 0).sum())} clips are in none of {', '.join(keys)}, the first is "
                f"{ids[int(np.argmin(counts))]}; expected a place for each"
            )


def seen_classes(
    places: Mapping[str, np.ndarray], labels: Int[np.ndarray, " n_clips"], classes: list[str], path: Path
) -> Bool[np.ndarray, " n_classes"]:
    """Tell which classes are seen, as their clips say.

    Raises:
        SetupError: clips of a class say both or nothing, or the first stage has clips of an unseen class.
    """
    seen, unseen = (np.zeros(len(classes), bool) for _ in range(2))
    seen[labels[np.concatenate([places["trainval_loc"], places["test_seen_loc"]])]] = True
    unseen[labels[places["test_unseen_loc"]]] = True
    if (seen & unseen).any():
        raise SetupError(
            f"{path}: class {classes[int(np.argmax(seen & unseen))]} has clips in test_unseen_loc and elsewhere; "
            "what is unseen is never trained on"
        )
    if not (seen | unseen).all():
        raise SetupError(
            f"{path}: class {classes[int(np.argmin(seen | unseen))]} has no clips; expected some"
        )
    first = np.concatenate([places[key] for key in FIRST_STAGE])
    if unseen[labels[first]].any():
        raise SetupError(
            f"{path}: train_loc or val_loc has a clip of an unseen class; they are for seen ones"
        )
    return seen


def held_out_classes(
    places: Mapping[str, np.ndarray], labels: Int[np.ndarray, " n_clips"], classes: list[str], path: Path
) -> tuple[str, ...]:
    """Name the classes of val_loc, on which settings are chosen.

    Raises:
        SetupError: one of them is in train_loc, too.
    """
    train, val = (np.unique(labels[places[key]]) for key in FIRST_STAGE)
    if len(both := np.intersect1d(train, val)):
        raise SetupError(
            f"{path}: class {classes[int(both[0])]} is in train_loc and in val_loc; expected classes of their own"
        )
    return tuple(classes[label] for label in val.tolist())
