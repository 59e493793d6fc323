"""Stage reproduce: features -> the paper's tables of results beside its numbers, over several seeds."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd
import pyarrow as pa

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets import FeatureSet, Protocol
from audiosetzsl.feature_sets.opening import open_set
from audiosetzsl.files import write_bytes, write_table
from audiosetzsl.show import say, show_table
from audiosetzsl.tables.paper_results import TABLE_6_SETS
from audiosetzsl.workspace import Workspace
from flows.reproducing.curves import draw
from flows.reproducing.experiments import Experiment, Place, Search, experiment, search, seeds_of
from flows.reproducing.laid_out import digest_of, lay_out
from flows.reproducing.methods import method
from flows.reproducing.outcome import SCHEMA, read_outcome
from flows.reproducing.rows import HERE, NUMBERS, STANDARD_SETS, rows_of
from flows.reproducing.tables import ComparedTable, compare
from flows.reproducing.writing import as_csv, as_latex, as_markdown, cells_of, heads_of, title_of
from flows.runner import Processes, Runner

FIGURE_4 = (
    ("video", "video", "classification"),
    ("CJME with attention", "cjme", "classification selected"),
)

T = TypeVar("T", Search, Experiment)


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the tables is asked for."""

    tables: tuple[int, ...] = NUMBERS
    protocols: tuple[Protocol, ...] = (Protocol.PAPER,)
    n_seeds: int = 5
    xlsa17: Path | None = None  # where table 6 finds its data sets

    def __post_init__(self) -> None:
        """Refuse what gives no table."""
        if self.n_seeds < 1:
            raise SetupError(
                f"--seeds is {self.n_seeds}, expected 1 or more; 5 give an interval worth the name"
            )
        for table in self.tables:
            rows_of(table)
        if STANDARD_SETS in self.tables and not self.xlsa17:
            raise SetupError("table 6 is of other data sets: say where they are, with --xlsa17 FOLDER")

    @property
    def pairs(self) -> list[tuple[int, Protocol]]:
        """Every table with every protocol; table 6 is strict: its sets have no val clips of unseen classes."""
        return [
            (table, protocol)
            for table in self.tables
            for protocol in ((Protocol.STRICT,) if table == STANDARD_SETS else self.protocols)
        ]


def reproduce(
    features: str, out: Path, asked: Asked | None = None, device: str = "cpu", runner: Runner | None = None
) -> Path:
    """Train, score and print the paper's tables; what is done already is taken from its files.

    Args:
        features: a workspace, or a feature set as `audiosetzsl.feature_sets.opening.open_set` names it.
        out: folder for results.parquet, tables.md, tables.tex, tables.csv, and what they are made of.
        asked: tables, protocols, number of seeds.
        device: that networks are trained on.
        runner: where trainings work side by side.

    Returns:
        The tables as Markdown.

    Raises:
        SetupError: there is no such table, or val or test lack clips of seen or of unseen classes.
        ShardError: features are absent or damaged.
    """
    asked, runner = asked or Asked(), runner or Processes()
    missing: dict[tuple[str, str], str] = {}
    todo: list[tuple[str, Protocol, Place]] = []
    for data_set in _data_sets(asked):
        clips = open_set(_source_of(data_set, features, asked))
        place = Place(out if data_set == HERE else out / data_set, data_set, digest_of(clips))
        lay_out(clips, place.inputs)
        for name, protocol in _wanted(data_set, asked):
            if lacks := _lacks(name, clips):
                missing[data_set, name] = lacks
            else:
                todo.append((name, protocol, place))
    searches = _searched(todo, device, runner)
    experiments = [
        Experiment.of(one, seed) for one in searches for seed in seeds_of(one.method, asked.n_seeds)
    ]
    _work(runner, "reproduce: trainings", experiment, experiments)
    results = pa.concat_tables([SCHEMA.empty_table(), *(read_outcome(one.path) for one in experiments)])
    write_table(results.replace_schema_metadata(None), out / "results.parquet", SCHEMA)
    frame = results.to_pandas()
    _draw(out, experiments, frame)
    for one in searches:
        shutil.rmtree(
            one.place.inputs, ignore_errors=True
        )  # made again within seconds, and as large as all features
    return _write(out, [compare(n, rows_of(n), protocol, frame, missing) for n, protocol in asked.pairs])


def asked_of(
    tables: Sequence[int] | None, protocols: Sequence[Protocol] | None, n_seeds: int, xlsa17: Path | None
) -> Asked:
    """What the words of the command line ask for."""
    numbers = tuple(tables) if tables else (*NUMBERS, *((STANDARD_SETS,) if xlsa17 else ()))
    return Asked(tuple(sorted(set(numbers))), tuple(protocols or (Protocol.PAPER,)), n_seeds, xlsa17)


def place_of(features: str, out: Path | None) -> Path:
    """Folder of the results: beside the features of a workspace, if no other is named.

    Raises:
        SetupError: features from elsewhere have no such place.
    """
    if out:
        return out
    if not Path(features).is_dir():
        raise SetupError(
            f"{features} is no workspace, so there is no place for results in it; name one with --out"
        )
    return Workspace(Path(features)).results / "reproduce"


def _data_sets(asked: Asked) -> list[str]:
    """The data sets whose features are needed; of table 6 those that are there."""
    here = [HERE] if any(table != STANDARD_SETS for table in asked.tables) else []
    if STANDARD_SETS not in asked.tables or not asked.xlsa17:
        return here
    there = [name for name in TABLE_6_SETS if (asked.xlsa17 / name).is_dir()]
    if not there:
        raise SetupError(
            f"{asked.xlsa17} holds none of the folders {', '.join(TABLE_6_SETS)}; check --xlsa17"
        )
    return here + there


def _wanted(data_set: str, asked: Asked) -> list[tuple[str, Protocol]]:
    """Methods and protocols that the tables ask for on a data set, each once."""
    rows = [(row, protocol) for table, protocol in asked.pairs for row in rows_of(table)]
    return list(dict.fromkeys((row.method, protocol) for row, protocol in rows if row.data_set == data_set))


def _source_of(data_set: str, features: str, asked: Asked) -> str:
    return features if data_set == HERE or not asked.xlsa17 else f"xlsa17:{asked.xlsa17 / data_set}"


def _searched(todo: Sequence[tuple[str, Protocol, Place]], device: str, runner: Runner) -> list[Search]:
    """Choose settings for every method; those that follow another come after it."""
    firsts = {
        (method(name).follows or name, protocol, place): Search.of(
            method(name).follows or name, protocol, place, device
        )
        for name, protocol, place in todo
    }
    _work(runner, "reproduce: settings", search, list(firsts.values()))
    found = []
    for name, protocol, place in todo:
        before = firsts[method(name).follows or name, protocol, place]
        found.append(before if before.method == name else Search.of(name, protocol, place, device, before))
    _work(runner, "reproduce: settings that follow", search, found)
    return found


def _work(runner: Runner, name: str, function: Callable[[T], None], todo: Sequence[T]) -> None:
    """Do what is not done yet, side by side."""
    for _ in runner.map(name, function, [one for one in todo if not one.path.is_file()]):
        pass


def _draw(out: Path, experiments: Sequence[Experiment], frame: pd.DataFrame) -> None:
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


def _write(out: Path, tables: Sequence[ComparedTable]) -> Path:
    """Print the tables and write them in three forms."""
    for table in tables:
        show_table(title_of(table), heads_of(table), [cells_of(row) for row in table.rows])
    write_bytes(out / "tables.tex", "\n".join(map(as_latex, tables)).encode())
    write_bytes(out / "tables.csv", as_csv(tables).encode())
    path = write_bytes(out / "tables.md", "\n".join(map(as_markdown, tables)).encode())
    say(
        f"the tables: {path}, and .tex and .csv beside it; every measure of every seed: {out / 'results.parquet'}"
    )
    return path


def _lacks(name: str, clips: FeatureSet) -> str:
    """What a feature set has not, of what a method cannot do without."""
    absent = [str(view) for view in sorted(method(name).views) if not getattr(clips.features, view).shape[1]]
    return f"no {' or '.join(absent)} features" if absent else ""
