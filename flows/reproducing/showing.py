"""Showing: the tables printed and written in three forms, and figure 4."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from audiosetzsl.files import write_bytes
from audiosetzsl.show import say, show_table
from flows.reproducing.curves import draw
from flows.reproducing.experiments import Experiment
from flows.reproducing.rows import HERE
from flows.reproducing.tables import ComparedTable
from flows.reproducing.writing import as_csv, as_latex, as_markdown, cells_of, heads_of, title_of

FIGURE_4 = (
    ("video", "video", "classification"),
    ("CJME with attention", "cjme", "classification selected"),
)


def draw_figure(out: Path, experiments: Sequence[Experiment], frame: pd.DataFrame) -> None:
    """Figure 4 of the models of which it says most: picture alone, and both with attention."""
    panels = []
    for title, name, measure in FIGURE_4:
        for one in experiments:
            if (one.method, one.seed, one.place.data_set) == (name, 0, HERE) and one.curves.is_file():
                rows = frame[(frame.method == name) & (frame.seed == 0) & (frame.measure == measure)]
                beta = float(rows[(rows.protocol == one.protocol) & (rows.data_set == HERE)].beta.iloc[0])
                panels.append((f"{title}, {one.protocol}", one.curves, measure, beta))
    if panels:
        say(f"figure 4: {draw(panels, out / 'figure_4.png')}")
    else:
        (out / "figure_4.png").unlink(missing_ok=True)  # of a command before, with other features perhaps


def write_all(out: Path, tables: Sequence[ComparedTable], notes: Sequence[str]) -> Path:
    """Print the tables and write them in three forms, with the notes over them where a form has a place for any."""
    for note in notes:
        say(f"note: {note}")
    for table in tables:
        show_table(title_of(table), heads_of(table), [cells_of(row) for row in table.rows])
    remarks = [f"% {note}\n" for note in notes]
    write_bytes(out / "tables.tex", "\n".join([*remarks, *map(as_latex, tables)]).encode())
    write_bytes(out / "tables.csv", as_csv(tables).encode())
    quotes = [f"> {note}\n" for note in notes]
    path = write_bytes(out / "tables.md", "\n".join([*quotes, *map(as_markdown, tables)]).encode())
    say(
        f"the tables: {path}, and .tex and .csv beside it; every measure of every seed: {out / 'results.parquet'}"
    )
    return path
