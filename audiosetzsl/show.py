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
    """Bars with count, rate, time left and a few words; on stderr, so that stdout stays a result."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Steps a second, a minute or an hour, whichever gives a number that people like."""

        def render(self, task: Task) -> Text:
            return Text(rate_of(task.speed))

    class Words(ProgressColumn):
        """What the task says of itself; most say nothing."""

        def render(self, task: Task) -> Text:
            return Text(task.fields.get("words", ""))

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        # Blocks of a slow stage come minutes apart: the time left is judged by the last quarter of an hour.
        TimeRemainingColumn(),
        Words(),
    )
    with Progress(*columns, console=Console(stderr=True), speed_estimate_period=900) as progress:
        yield progress


def rate_of(per_s: float | None) -> str:
    """Steps a second as words: `3.1/s`, `12/min`, `300/h`; nothing while it is not known."""
    if not per_s:
        return ""
    for number, unit in ((per_s, "s"), (60 * per_s, "min")):
        if number >= 1:
            return f"{number:.1f}/{unit}"
    return f"{3600 * per_s:.0f}/h"
