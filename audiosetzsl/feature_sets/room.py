"""Room: what of a feature set a form has no place for, told before anything is written."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets.feature_set import FeatureSet


@dataclass(frozen=True, slots=True)
class Homeless:
    """Clips that a form has no place for, and what they have in common."""

    what: str
    clips: Bool[np.ndarray, " n_clips"]


def fitted(form: str, clips: FeatureSet, homeless: Iterable[Homeless], *, leave_out: bool) -> FeatureSet:
    """The clips that a form has a place for: all of them, unless the others may be left out.

    Raises:
        SetupError: some have no place; the message counts and names them.
    """
    told = [(group, np.flatnonzero(group.clips)) for group in homeless]
    told = [(group, rows) for group, rows in told if len(rows)]
    if told and not leave_out:
        counted = "; ".join(
            f"{len(rows)} {group.what}, the first is {clips.clip_ids[rows[0]]}" for group, rows in told
        )
        raise SetupError(
            f"the form {form} has no place for {counted}. Take another form (npz holds everything), or leave them "
            "out (--leave-out)"
        )
    gone = np.zeros(len(clips), bool)
    for group, _ in told:
        gone |= group.clips
    return clips.rows(~gone) if told else clips


def refuse(form: str, faults: Iterable[str]) -> None:
    """Refuse a set that a form cannot hold as a whole.

    Raises:
        SetupError: there are faults; the message lists them.
    """
    if told := "; ".join(faults):
        raise SetupError(
            f"the form {form} cannot hold this set: {told}. Take another form (npz holds everything)"
        )
