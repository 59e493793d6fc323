"""Tables and progress bars for people, on the terminal."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

Cell = str | int | float | None


def text_of(cell: Cell) -> str:
    """A cell as people read it: thousands in groups, two decimals, nothing for None."""
    if cell is None:
        return ""
    if isinstance(cell, int):
        return f"{cell:,}"
    return f"{cell:,.2f}" if isinstance(cell, float) else cell


def show_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Print a table; numbers stand to the right."""
    # Imported here: `audiosetzsl --help` should not pay for it.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    body = [list(row) for row in rows]
    # Text, not markup: a cell such as `[x]` or `:100:` is to be read, not obeyed.
    table = Table(title=Text(title, style="table.title"), title_justify="left")
    for number, column in enumerate(columns):
        numeric = any(isinstance(row[number], int | float) for row in body)
        table.add_column(Text(column), justify="right" if numeric else "left")
    for row in body:
        table.add_row(*(Text(text_of(cell)) for cell in row))
    # A pipe or a log has no width of its own; wrapping there would cut names.
    console = Console()
    Console(width=None if console.is_terminal else 140).print(table)


def say(message: str) -> None:
    """Print one line as it is."""
    from rich.console import Console

    Console(soft_wrap=True, highlight=False, markup=False, emoji=False).print(message)


@contextmanager
def progress_bar() -> Iterator["Progress"]:
    """Bars with count, rate and time left; on stderr, so that stdout stays a result."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        yield progress
