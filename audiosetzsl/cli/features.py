"""Commands `audiosetzsl show-features` and `convert-features`: features counted, and brought from form to form."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from audiosetzsl.feature_sets import FeatureSet
    from audiosetzsl.show import Cell

_FORMS = "npz:FILE, official:FOLDER, avca:FOLDER, xlsa17:FOLDER or a workspace; see docs/feature-sets.md."
_Source = Annotated[str, typer.Argument(metavar="FROM", help=_FORMS)]


def show_features(source: _Source) -> None:
    """Read features of any form whole, check them, and say what they are: clips by split, widths, classes, makers."""
    from audiosetzsl.feature_sets.opening import open_set

    _show(source, open_set(source))


def convert_features(
    source: _Source,
    target: Annotated[str, typer.Argument(metavar="TO", help="The same, at a place where nothing is yet.")],
    leave_out: Annotated[
        bool, typer.Option("--leave-out", help="Leave out what TO has no place for, instead of refusing.")
    ] = False,
) -> None:
    """Bring features from one form into another, bit by bit the same, whole or not at all."""
    from audiosetzsl.feature_sets.named import Name
    from audiosetzsl.feature_sets.of_workspace import with_sources
    from audiosetzsl.feature_sets.opening import check_target, open_set, save_set
    from audiosetzsl.show import say

    check_target(target)  # before minutes of reading
    clips = with_sources(Name.of(source), open_set(source))
    written = save_set(target, clips, leave_out=leave_out)
    left = len(clips) - len(written)
    said = f"; {left:,} clips left out, for which it has no place" if left else ""
    forgotten = sorted(set(clips.held_out) - set(written.held_out))
    said += f"; it does not say that {', '.join(forgotten)} are held out" if forgotten else ""
    say(f"{target}: {len(written):,} clips of {len(written.classes.names)} classes{said}")


def _show(source: str, clips: "FeatureSet") -> None:
    import numpy as np

    from audiosetzsl.feature_sets.feature_set import SPLITS
    from audiosetzsl.show import say, show_table

    rows: list[list[Cell]] = []
    for kind, mask in (("seen", clips.seen), ("unseen", ~clips.seen)):
        n_classes = int((clips.classes.seen_mask == (kind == "seen")).sum())
        counts = [int((mask & (clips.splits == split)).sum()) for split in SPLITS]
        rows.append([kind, n_classes, *counts, int(mask.sum())])
    show_table(source, ["classes", "how many", *SPLITS, "clips"], rows)
    features = clips.features
    widths = [
        f"{kind} {matrix.shape[1]} ({matrix.dtype})" if matrix.shape[1] else f"no {kind}"
        for kind, matrix in (("audio", features.audio), ("video", features.video))
    ]
    vectors = clips.class_vectors
    say(f"Widths: {', '.join(widths)}, class vectors {vectors.shape[1]} ({vectors.dtype}).")
    say(f"Held out to choose on: {', '.join(clips.held_out) or 'no classes of its own'}.")
    by_class = np.bincount(clips.labels, minlength=len(clips.classes.names))
    if len(empty := np.flatnonzero(by_class == 0)):
        say(f"Without clips: {', '.join(clips.classes.names[label] for label in empty)}.")
    say(f"Made of: {', '.join(_makers(clips)) or 'the files do not say'}.")


def _makers(clips: "FeatureSet") -> list[str]:
    from audiosetzsl.feature_sets.of_workspace import recipes_in, sources_in

    found = [
        f"{what} by {recipe.name} {recipe.fingerprint}" for what, recipe in recipes_in(clips.made_of).items()
    ]
    sources = sources_in(clips.made_of)
    return [f"clips of {', '.join(sources.names) or 'unknown sources'}", *found] if sources else found
