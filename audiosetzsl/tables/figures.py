"""Figure 3 of the paper, for any manifest: how many segments each class has."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from audiosetzsl.errors import SetupError
from audiosetzsl.files import atomic_path
from audiosetzsl.tables.paper import COUNTS
from audiosetzsl.tables.stats import ClassCount

_SEEN, _UNSEEN, _PAPER = "#4878a8", "#e1812c", "#222222"


def draw_figure_3(classes: Sequence[ClassCount], path: Path) -> Path:
    """Draw a bar for each class, unseen ones marked, and the paper's count as a diamond where it has one.

    As in the paper the axis ends before the few largest classes; here they reach into a second, narrow panel.

    Raises:
        SetupError: `path` is no .png, or matplotlib is not installed.
    """
    if path.suffix != ".png":
        raise SetupError(f"the figure is drawn as PNG, but {path} ends otherwise; expected a name in .png")
    ordered = sorted(classes, key=lambda c: (-c.total, c.name))  # the largest at the foot, as printed
    figure = blank_figure(7.2, 1.3 + 0.21 * len(ordered))
    _draw(figure, ordered)
    with atomic_path(path) as scratch:
        figure.savefig(scratch, format="png")
    return path


def blank_figure(width: float, height: float) -> Any:
    """Make an empty figure of a size in inches, drawn at 160 dots an inch.

    Raises:
        SetupError: matplotlib is not installed.
    """
    try:
        # Figure and canvas by hand: pyplot would keep a figure and choose a backend for the whole process.
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as problem:
        raise SetupError(
            "a figure needs matplotlib, which is not installed; pip install 'audiosetzsl[figures]'"
        ) from problem
    figure = Figure(figsize=(width, height), dpi=160, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def axis_end(totals: Sequence[int]) -> int:
    """Where the main panel ends: the first 1, 2 or 5 times a power of ten that nine classes in ten fit under."""
    most = int(np.quantile(totals, 0.9, method="lower"))
    power: int = 10 ** (len(str(most)) - 1)
    return next(step * power for step in (1, 2, 5, 10) if step * power >= most)


def _draw(figure: Any, classes: Sequence[ClassCount]) -> None:
    largest = max(c.total for c in classes)
    end = axis_end([c.total for c in classes])
    if largest > 2 * end:
        main, beyond = figure.subplots(1, 2, sharey=True, width_ratios=[4, 1])
        _draw_bars(main, classes, (0, end))
        _draw_bars(beyond, classes, (end, 3 * largest // 2))
        _mark_break(main, beyond)
    else:
        main = figure.subplots()
        _draw_bars(main, classes, (0, 7 * largest // 6 + 1))
    main.set_yticks(range(len(classes)), [c.marked for c in classes])
    for text, c in zip(main.get_yticklabels(), classes, strict=True):
        text.set_color(_PAPER if c.seen else _UNSEEN)
    handles = {label: handle for handle, label in zip(*main.get_legend_handles_labels(), strict=True)}
    order = [label for label in ("seen", "unseen*", "in the paper") if label in handles]
    figure.legend(
        [handles[label] for label in order],
        order,
        loc="outside lower right",
        ncols=3,
        fontsize=8,
        frameon=False,
    )
    seen, total = sum(c.seen for c in classes), sum(c.total for c in classes)
    figure.suptitle(
        f"{total:,} segments of {seen} seen and {len(classes) - seen} unseen classes", fontsize=10
    )
    figure.supxlabel("segments", fontsize=9)


def _draw_bars(panel: Any, classes: Sequence[ClassCount], limits: tuple[int, int]) -> None:
    """Draw all bars in one panel, but counts and the paper's marks only where they fall within its limits."""
    for seen, colour, label in ((True, _SEEN, "seen"), (False, _UNSEEN, "unseen*")):
        places = [place for place, c in enumerate(classes) if c.seen is seen]
        if places:
            lengths = [classes[place].total for place in places]
            panel.barh(places, lengths, color=colour, height=0.72, label=label)
    low, high = limits
    for place, c in enumerate(classes):
        if low < c.total <= high:
            panel.annotate(
                f"{c.total:,}", (c.total, place), (6, 0), textcoords="offset points", va="center", fontsize=7
            )
    paper = [(sum(COUNTS[c.name]), place) for place, c in enumerate(classes) if c.name in COUNTS]
    marks = [mark for mark in paper if low < mark[0] <= high]
    style = {
        "marker": "D",
        "color": "white",
        "markeredgecolor": _PAPER,
        "markersize": 3.5,
        "linestyle": "none",
    }
    if marks:
        panel.plot(*zip(*marks, strict=True), **style, label="in the paper")
    panel.set_xlim(low, high)
    panel.set_ylim(-0.7, len(classes) - 0.3)
    panel.xaxis.set_major_formatter(lambda value, _: f"{value / 1000:g}k" if value >= 1000 else f"{value:g}")
    panel.tick_params(labelsize=8, length=2)
    panel.spines[["top", "right"]].set_visible(False)


def _mark_break(main: Any, beyond: Any) -> None:
    beyond.spines["left"].set_visible(False)
    beyond.tick_params(axis="y", left=False, labelleft=False)
    slash = {"marker": [(-1, -1), (1, 1)], "markersize": 7, "color": _PAPER, "clip_on": False}
    main.plot([1], [0], transform=main.transAxes, **slash)
    beyond.plot([0], [0], transform=beyond.transAxes, **slash)
