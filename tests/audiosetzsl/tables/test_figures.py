"""Figure 3: a PNG in which every class has its bar, and the few largest do not flatten the rest."""

import subprocess
import sys

import numpy as np
import pytest

from audiosetzsl.classes import AUDIOSETZSL
from audiosetzsl.errors import SetupError
from audiosetzsl.tables import paper
from audiosetzsl.tables.figures import axis_end, draw_figure_3
from audiosetzsl.tables.stats import ClassCount

PAPER = [ClassCount(c.name, c.seen, paper.COUNTS[c.name]) for c in AUDIOSETZSL]
SEEN_BLUE, UNSEEN_ORANGE = (0x48, 0x78, 0xA8), (0xE1, 0x81, 0x2C)


def pixels_of(path):
    from matplotlib.image import imread

    return np.rint(imread(path)[..., :3] * 255).astype(int)


def share_of(pixels, colour):
    return (pixels == colour).all(axis=-1).mean()


def bars_of(pixels, colour):
    """Lengths in pixels of the bars of a colour, from top to bottom."""
    axis = np.flatnonzero((pixels == SEEN_BLUE).all(axis=-1).any(axis=0))[
        0
    ]  # names, left of it, have colours too
    at = (pixels == colour).all(axis=-1)[:-40, axis:]  # the legend lies below
    per_row = at.sum(axis=1)
    edges = np.flatnonzero(np.diff((per_row > 8).astype(int), prepend=0, append=0))
    return [int(per_row[a:b].max()) for a, b in edges.reshape(-1, 2) if b - a > 8]


def test_every_class_has_a_bar_and_larger_classes_longer_ones(tmp_path):
    pixels = pixels_of(draw_figure_3(PAPER, tmp_path / "figure_3.png"))
    seen, unseen = bars_of(pixels, SEEN_BLUE), bars_of(pixels, UNSEEN_ORANGE)
    assert len(seen) == 23
    assert len(unseen) == 10
    # The bar of a few hundred segments is one to be seen, beside one of 38,315.
    assert min(seen) > 10
    assert np.all(np.diff(seen) >= -2)  # a diamond or a spine may take a pixel
    assert np.all(np.diff(unseen) >= -2)


def test_own_classes_without_unseen_ones_and_without_the_papers_marks(tmp_path):
    own = [ClassCount("owl", True, (60, 20, 20)), ClassCount("ant", True, (30, 10, 10))]
    pixels = pixels_of(draw_figure_3(own, tmp_path / "own.png"))
    ant, owl = bars_of(pixels, SEEN_BLUE)[-2:]
    assert owl == pytest.approx(2 * ant, abs=3)
    assert share_of(pixels, UNSEEN_ORANGE) == 0


@pytest.mark.parametrize(
    ("totals", "end"),
    [
        ([c.total for c in PAPER], 10_000),
        ([7], 10),
        ([100, 200], 100),
        ([0, 0], 1),
        ([*[4_000] * 9, 1_000_000], 5_000),
        ([1_001] * 3, 2_000),
    ],
)
def test_the_axis_ends_at_a_round_number_above_nine_classes_in_ten(totals, end):
    assert axis_end(totals) == end


def test_another_format_than_png_is_refused(tmp_path):
    with pytest.raises(SetupError, match=r"figure.pdf ends otherwise; expected a name in .png"):
        draw_figure_3(PAPER, tmp_path / "figure.pdf")


def test_without_matplotlib_one_is_told_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SetupError, match=r"not installed; pip install 'audiosetzsl\[figures\]'"):
        draw_figure_3(PAPER, tmp_path / "figure.png")


def test_drawing_leaves_no_global_state(tmp_path):
    code = (
        "import sys; from pathlib import Path\n"
        "from audiosetzsl.tables.figures import draw_figure_3\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from audiosetzsl.tables.stats import ClassCount\n"
        f"draw_figure_3([ClassCount('dog', True, (3, 1, 1))], Path({str(tmp_path / 'one.png')!r}))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)
    assert [path.name for path in tmp_path.iterdir()] == ["one.png"]
