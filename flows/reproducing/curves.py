"""Curves of calibrated stacking on test, kept for one seed of every experiment, and figure 4 drawn from them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from audiosetzsl.errors import ShardError
from audiosetzsl.evaluation.curve import Curve
from audiosetzsl.files import read_table, write_table
from audiosetzsl.tables.figure_4 import Panel, draw_figure_4

SCHEMA = pa.schema(
    [
        pa.field("measure", pa.string(), nullable=False),
        pa.field("beta", pa.float64(), nullable=False),  # from which S and U hold; minus infinity first
        pa.field("seen", pa.float64(), nullable=False),
        pa.field("unseen", pa.float64(), nullable=False),
    ]
)


def write_curves(path: Path, curves: Mapping[str, Curve]) -> Path:
    """Write curves by measure."""
    parts = [
        pa.table([pa.array([measure] * len(c.betas)), c.betas, c.seen, c.unseen], schema=SCHEMA)
        for measure, c in curves.items()
    ]
    return write_table(pa.concat_tables([SCHEMA.empty_table(), *parts]), path, SCHEMA, error=ShardError)


def read_curve(path: Path, measure: str) -> Curve:
    """Read the curve of one measure.

    Raises:
        ShardError: the file is absent or damaged, or has no such measure.
    """
    frame = read_table(path, SCHEMA, error=ShardError).to_pandas()
    rows = frame[frame.measure == measure]
    if not len(rows):
        raise ShardError(f"{path} has no curve of {measure!r}; delete it and reproduce the tables again")
    betas, seen, unseen = (np.array(rows[name]) for name in ("beta", "seen", "unseen"))
    return Curve(betas, seen, unseen)


def draw(panels: Sequence[tuple[str, Path, str, float]], path: Path) -> Path:
    """Draw figure 4: title, file of curves, measure and chosen beta of each panel."""
    drawn = []
    for title, file, measure, beta in panels:
        drawn.append(Panel(title, read_curve(file, measure), beta))
    return draw_figure_4(drawn, path)
