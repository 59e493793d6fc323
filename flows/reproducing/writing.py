"""Writing tables: Markdown for people, LaTeX for papers, CSV for programs; the same numbers in all of them."""

import csv
import io
from collections.abc import Iterator, Sequence

from audiosetzsl.evaluation.statistics import Summary
from flows.reproducing.tables import Compared, ComparedTable

FIGURES = ("S", "U", "HM")


def as_markdown(table: ComparedTable) -> str:
    """A table in GitHub's Markdown."""
    heads = heads_of(table)
    lines = [f"### {title_of(table)}", "", _line(heads), _line(["---"] * len(heads))]
    lines += [_line(cells_of(row)) for row in table.rows]
    return "\n".join(lines) + "\n"


def as_latex(table: ComparedTable) -> str:
    """A table in LaTeX, for the package booktabs."""
    heads = heads_of(table)
    layout = "l" * len(table.heads) + "r" * (len(heads) - len(table.heads) - 1) + "l"
    body = [" & ".join(map(_escaped, cells)) + r" \\" for cells in map(cells_of, table.rows)]
    return "\n".join(
        [
            rf"% {title_of(table)}",
            rf"\begin{{tabular}}{{{layout}}}",
            r"\toprule",
            " & ".join(map(_escaped, heads)) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def as_csv(tables: Sequence[ComparedTable]) -> str:
    """All tables as one CSV, a row a figure."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["table", "protocol", "row", "figure", "paper", "mean", "low", "high", "seeds", "difference", "note"]
    )
    for table in tables:
        for row in table.rows:
            writer.writerows(_records(table, row))
    return text.getvalue()


def _records(table: ComparedTable, row: Compared) -> Iterator[list[object]]:
    for at, figure in enumerate(FIGURES):
        paper = row.paper[at] if row.paper else None
        ours = row.ours[at] if row.ours else None
        told: list[object] = [None] * 4
        if ours:
            told = [ours.mean, ours.low, ours.high, ours.n]
        difference = ours.mean - paper if ours and paper is not None else None
        label = " / ".join(row.labels)
        yield [table.number, table.protocol, label, figure, paper, *told, difference, row.note]


def heads_of(table: ComparedTable) -> list[str]:
    """The heads of the columns that `cells_of` fills."""
    return [*table.heads, *(f"{figure} paper" for figure in FIGURES), *FIGURES, "HM - paper", "seeds", ""]


def cells_of(row: Compared) -> list[str]:
    """A row as it is shown everywhere: labels, the paper's figures, ours, difference, seeds, note."""
    paper = [f"{value:.2f}" for value in row.paper] if row.paper else [""] * 3
    ours = [_told(one) for one in row.ours] if row.ours else [""] * 3
    seeds = str(row.ours[2].n) if row.ours else ""
    difference = "" if row.difference is None else f"{row.difference:+.2f}"
    return [*row.labels, *paper, *ours, difference, seeds, row.note]


def _told(one: Summary) -> str:
    """Mean and half the width of its interval, where there is one."""
    return f"{one.mean:.2f}" + ("" if one.high is None else f" ± {one.high - one.mean:.2f}")


def title_of(table: ComparedTable) -> str:
    """What stands over a table."""
    return f"Table {table.number}: {table.title} (protocol {table.protocol})"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _escaped(text: str) -> str:
    for sign in ("\\", "&", "%", "_", "#", "$", "{", "}"):
        text = text.replace(sign, r"\textbackslash " if sign == "\\" else "\\" + sign)
    return text.replace("±", r"$\pm$").replace("->", r"$\to$")
