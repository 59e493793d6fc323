"""Tables: what was measured here beside what the paper prints, as means over seeds with confidence intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from audiosetzsl.evaluation.statistics import Summary, summarise
from audiosetzsl.tables.paper_results import RESULT_TABLES
from flows.reproducing.rows import ResultRow

FIGURES = ("seen", "unseen", "harmonic")


@dataclass(frozen=True, slots=True)
class Compared:
    """A row of a table: S, U, HM in percent, the paper's and ours; `note` says why there is none of ours."""

    labels: tuple[str, ...]
    paper: tuple[float, float, float] | None
    ours: tuple[Summary, Summary, Summary] | None
    note: str = ""

    @property
    def difference(self) -> float | None:
        """Our HM less the paper's, in points."""
        return self.ours[2].mean - self.paper[2] if self.ours and self.paper else None


@dataclass(frozen=True, slots=True)
class ComparedTable:
    """A table of the paper under one protocol."""

    number: int
    title: str
    heads: tuple[str, ...]
    protocol: str
    rows: tuple[Compared, ...]


def compare(
    number: int,
    rows: Sequence[ResultRow],
    protocol: str,
    results: pd.DataFrame,
    missing: Mapping[tuple[str, str], str],
) -> ComparedTable:
    """Put one table together.

    Args:
        number: of the table.
        rows: what stands in it.
        protocol: whose results to take.
        results: outcomes of all experiments, a row a method, protocol, seed and measure.
        missing: why methods were not run, by data set and name.
    """
    home = RESULT_TABLES[number]
    of_protocol = results[results.protocol == protocol]
    made = []
    for row in rows:
        found = of_protocol[
            (of_protocol.data_set == row.data_set)
            & (of_protocol.method == row.method)
            & (of_protocol.measure == row.measure)
        ]
        paper = (row.paper.seen, row.paper.unseen, row.paper.harmonic) if row.paper else None
        ours = None
        if len(found):
            s, u, harmonic = (summarise((100 * found[figure]).to_numpy()) for figure in FIGURES)
            ours = (s, u, harmonic)
        note = "" if ours else missing.get((row.data_set, row.method), "not measured")
        made.append(Compared(row.labels, paper, ours, note))
    return ComparedTable(number, home.title, home.heads, protocol, tuple(made))
