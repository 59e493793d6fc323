"""Figure 4: lines that pass through the curve, a mark at the chosen beta, three formats, the same bytes each time."""

import sys

import numpy as np
import pytest

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.curve import Curve
from audiosetzsl.tables.figure_4 import Panel, draw_figure_4, limits_of

S, U = np.array([0.8, 0.6, 0.5, 0.0]), np.array([0.0, 0.3, 0.4, 0.4])
CURVE = Curve(np.array([-np.inf, 1.0, 2.0, 3.0]), S, U)
PANEL = Panel("video", CURVE, 1.5)
SEEN_BLUE, UNSEEN_ORANGE = (0x48, 0x78, 0xA8), (0xE1, 0x81, 0x2C)


def levels_of(path, colour):
    """Level parts of a line: row from the top and first column, the highest first."""
    from matplotlib.image import imread

    pixels = np.rint(imread(path)[..., :3] * 255).astype(int)
    at = (pixels == colour).all(axis=-1)
    at[:60] = False  # the legend has the same colours
    rows = np.flatnonzero(at.sum(axis=1) > 60)
    highest = [run[0] for run in np.split(rows, np.flatnonzero(np.diff(rows) > 3) + 1)]
    return [(int(row), int(np.flatnonzero(at[row])[0])) for row in highest]


def test_lines_stand_at_the_levels_of_the_curve(tmp_path):
    path = draw_figure_4([PANEL], tmp_path / "figure_4.png")
    seen, unseen = levels_of(path, SEEN_BLUE), levels_of(path, UNSEEN_ORANGE)
    # 20 points down from 80 to 60 %, 20 more to 40 %, 10 more to 30 %.
    rows = np.array([row for row, _ in (*seen[:2], *unseen[:2])])
    assert np.diff(rows) / (rows[-1] - rows[0]) == pytest.approx([0.4, 0.4, 0.2], abs=0.02)
    # With beta S falls and U rises.
    assert seen[0][1] < seen[1][1]
    assert unseen[0][1] > unseen[1][1]


@pytest.mark.parametrize(("suffix", "begins"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_the_ending_says_the_format_and_the_bytes_are_the_same_each_time(tmp_path, suffix, begins):
    one, two = (draw_figure_4([PANEL], tmp_path / f"{name}{suffix}") for name in "ab")
    assert one.read_bytes().startswith(begins)
    assert one.read_bytes() == two.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]


@pytest.mark.parametrize(
    ("betas", "chosen", "limits"),
    [
        ([-np.inf, 1, 2, 3], 1.5, (0, 3.09)),  # from no bias to a little beyond where S is gone
        ([-np.inf, 1, 2, 3], 4.0, (0, 4.12)),
        ([-np.inf, -4, 1, 2], -2.0, (-2.12, 2.12)),
        ([-np.inf, -4, -3, -2], 0.0, (0, 1)),  # nothing changes where the axis begins
    ],
)
def test_the_axis_holds_0_the_chosen_beta_and_the_end_of_s(betas, chosen, limits):
    panel = Panel("", Curve(np.array(betas, dtype=float), S, U), chosen)
    assert limits_of(panel) == pytest.approx(limits)


def test_a_model_that_is_never_right_is_drawn_too(tmp_path):
    never = Curve(np.array([-np.inf]), np.zeros(1), np.zeros(1))
    assert draw_figure_4([Panel("none", never, 0.0)], tmp_path / "none.png").is_file()


def test_other_formats_and_no_panels_are_refused(tmp_path):
    with pytest.raises(
        SetupError, match=r"figure.jpg is no kind of figure .* expected one of .png, .svg, .pdf"
    ):
        draw_figure_4([PANEL], tmp_path / "figure.jpg")
    with pytest.raises(SetupError, match="figure 4 needs a model to draw, but got none"):
        draw_figure_4([], tmp_path / "figure.png")


def test_without_matplotlib_figure_4_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(SetupError, match=r"not installed; pip install 'audiosetzsl\[figures\]'"):
        draw_figure_4([PANEL], tmp_path / "figure.png")
