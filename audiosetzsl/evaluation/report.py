"""Report: tables on one page that opens anywhere, without scripts and without the network."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from audiosetzsl.show import Cell, text_of

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0 2rem; }
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; white-space: nowrap; }
th, td { padding: .25rem .9rem .25rem 0; text-align: left; border-bottom: 1px solid #8884; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
aside { border-left: 4px solid #c80; padding: .1rem 1rem; margin: 1rem 0; }
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table for people: what it shows, its columns, its rows."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def page(title: str, notes: Sequence[str], tables: Sequence[Table]) -> str:
    """Lay out an HTML page; everything that comes from outside is escaped."""
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>',
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>',
        f"<h1>{escape(title)}</h1>",
        *(f"<aside><p>{escape(note)}</p></aside>" for note in notes),
        *map(_table, tables),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _table(table: Table) -> str:
    numeric = [any(isinstance(row[n], int | float) for row in table.rows) for n in range(len(table.columns))]
    head = _row("th", table.columns, numeric)
    body = "\n".join(_row("td", [text_of(cell) for cell in row], numeric) for row in table.rows)
    return (
        f"<table><caption>{escape(table.title)}</caption><thead>{head}</thead><tbody>{body}</tbody></table>"
    )


def _row(tag: str, cells: Sequence[str], numeric: Sequence[bool]) -> str:
    marks = [' class="number"' if is_number else "" for is_number in numeric]
    inner = "".join(f"<{tag}{mark}>{escape(cell)}</{tag}>" for cell, mark in zip(cells, marks, strict=True))
    return f"<tr>{inner}</tr>"
