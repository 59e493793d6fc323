"""Commands of `audiosetzsl`, run in this process as a user runs them, and the tables that they print."""

from typer.testing import CliRunner

from audiosetzsl.cli import app


def run(*arguments: object) -> str:
    """Output of a command that has to end well; what it raises comes through as it is."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], env={"COLUMNS": "140"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def cells(output: str) -> list[list[str]]:
    """Rows of the printed tables, as lists of cells."""
    lines = [line for line in output.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]
