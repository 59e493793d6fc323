"""Figure 4 of the paper, for any models: S, U and HM over the bias of calibrated stacking."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.curve import Curve
from audiosetzsl.files import atomic_path
from audiosetzsl.tables.figures import blank_figure

FORMATS = (".png", ".svg", ".pdf")
_POINTS = 800  # across a panel: more than it has pixels, fewer than a curve has steps
_SEEN, _UNSEEN, _HARMONIC, _CHOSEN = "#4878a8", "#e1812c", "#222222", "#888888"


@dataclass(frozen=True, slots=True)
class Panel:
    """A model: its name, its curve on some split, and the beta that was chosen for it on val."""

    title: str
    curve: Curve
    beta: float


def draw_figure_4(panels: Sequence[Panel], path: Path) -> Path:
    """Draw S, U and HM in percent over beta, a panel a model, side by side; the chosen beta is marked.

    As in the paper the axis begins at 0, no bias, unless a smaller beta was chosen; it ends where a hundredth of the
    highest S is left, unless a larger one was. The ending of `path` says the format.

    Raises:
        SetupError: no panel, another format than PNG, SVG or PDF, or matplotlib is not installed.
    """
    if not panels:
        raise SetupError("figure 4 needs a model to draw, but got none; pass at least one panel")
    if path.suffix not in FORMATS:
        raise SetupError(
            f"{path} is no kind of figure that can be drawn; expected one of {', '.join(FORMATS)}"
        )
    figure = blank_figure(1 + 3.4 * len(panels), 3.4)
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, panel in zip(axes, panels, strict=True):
        _draw(axis, panel)
    figure.get_layout_engine().set(wspace=0.06)
    axes[0].set_ylabel("mean class accuracy, %", fontsize=9)
    axes[0].set_ylim(bottom=0)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), fontsize=8, frameon=False)
    figure.supxlabel("bias β, taken from the score of every seen class", fontsize=9)
    with atomic_path(path) as scratch:
        _save(figure, scratch, path.suffix)
    return path


def limits_of(panel: Panel) -> tuple[float, float]:
    """From which beta to which a panel reaches."""
    curve, chosen = panel.curve, panel.beta
    start = min(0.0, chosen)
    end = max(float(curve.betas[np.argmax(curve.seen <= curve.seen_alone / 100)]), chosen)
    if end <= start:
        return start, start + 1  # nothing changes above 0
    margin = 0.03 * (end - start)
    return start - (margin if start < 0 else 0), end + margin


def _draw(axis: Any, panel: Panel) -> None:
    curve, chosen = panel.curve, panel.beta
    start, end = limits_of(panel)
    betas = np.linspace(start, end, _POINTS)
    at = curve.steps_at(betas)
    lines = (("S", curve.seen, _SEEN), ("U", curve.unseen, _UNSEEN), ("HM", curve.harmonic, _HARMONIC))
    for label, values, colour in lines:
        axis.plot(betas, 100 * values[at], color=colour, label=label, linewidth=1.4)
    harmonic = 100 * float(curve.harmonic[curve.steps_at(np.array([chosen]))[0]])
    axis.axvline(chosen, color=_CHOSEN, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    axis.plot(
        [chosen],
        [harmonic],
        "o",
        color=_HARMONIC,
        markeredgecolor="white",
        markersize=6,
        zorder=3,
        label="β chosen on val",
    )
    axis.set_title(f"{panel.title}\nβ = {chosen:.3g}, HM = {harmonic:.1f} %", fontsize=9)
    axis.set_xlim(betas[0], betas[-1])
    axis.tick_params(labelsize=8, length=2)
    axis.grid(axis="y", color="#dddddd", linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)


def _save(figure: Any, path: Path, suffix: str) -> None:
    """Save without the date and without random names, so that the same curves give the same bytes."""
    from matplotlib import rc_context

    undated = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(suffix)
    with rc_context({"svg.hashsalt": "audiosetzsl", "pdf.fonttype": 42}):
        figure.savefig(path, format=suffix[1:], metadata=undated)
