"""Stage reproduce: features -> the paper's tables of results beside its numbers, over several seeds."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pandas as pd
import pyarrow as pa

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets import FeatureSet, Protocol
from audiosetzsl.feature_sets.digest import digest_of
from audiosetzsl.feature_sets.named import Form, Name
from audiosetzsl.feature_sets.opening import open_set
from audiosetzsl.files import write_bytes, write_table
from audiosetzsl.show import say, show_table
from audiosetzsl.workspace import Workspace
from flows.alone import alone, disk_told
from flows.extracting.devices import devices_of
from flows.reproducing.asked import Asked
from flows.reproducing.curves import draw
from flows.reproducing.experiments import Experiment, experiment, seeds_of
from flows.reproducing.laid_out import clear, lay_out
from flows.reproducing.learning import check_stages
from flows.reproducing.methods import method
from flows.reproducing.notes import notes_on, notes_on_asked
from flows.reproducing.outcome import SCHEMA, read_outcome
from flows.reproducing.rows import HERE, rows_of
from flows.reproducing.searches import Search, Trial, trial
from flows.reproducing.tables import ComparedTable, compare
from flows.reproducing.work import Place, Work
from flows.reproducing.writing import as_csv, as_latex, as_markdown, cells_of, heads_of, title_of
from flows.runner import Processes, Runner
from models.cjme import PRESETS, CjmeTraining

FIGURE_4 = (
    ("video", "video", "classification"),
    ("CJME with attention", "cjme", "classification selected"),
)

T = TypeVar("T", Trial, Experiment)


def reproduce(
    features: str,
    out: Path,
    asked: Asked | None = None,
    work: Work | None = None,
    runner: Runner | None = None,
) -> Path:
    """Train, score and print the paper's tables; what is done already is taken from its files.

    Args:
        features: a workspace, or a feature set as `audiosetzsl.feature_sets.opening.open_set` names it.
        out: folder for results.parquet, tables.md, tables.tex, tables.csv, and what they are made of.
        asked: tables, protocols, number of seeds, preset of CJME.
        work: device that networks are trained on (of several the first), and whether TensorBoard is told.
        runner: where trainings work side by side.

    Returns:
        The tables as Markdown.

    Raises:
        SetupError: val or test lack clips of seen or of unseen classes, the device is not here, another run goes on
            in `out`, its disk is full or cannot be written to, or memory did not do for so many workers.
        ShardError: features, or results from before, are absent or damaged.
    """
    asked, work, runner = asked or Asked(), work or Work(), runner or Processes()
    work = replace(work, device=devices_of(work.device)[0])
    with _alone(out):
        return _reproduce(features, out, asked, work, runner)


def _reproduce(features: str, out: Path, asked: Asked, work: Work, runner: Runner) -> Path:
    missing: dict[tuple[str, str], str] = {}
    todo: list[tuple[str, Protocol, Place]] = []
    notes, places = notes_on_asked(asked), []
    for data_set in asked.data_sets():
        place, lacks, told = _laid_out(data_set, features, out, asked)
        notes += told
        places.append(place)
        missing |= {(data_set, name): why for name, why in lacks.items()}
        todo += [(name, p, place) for name, p in asked.methods_on(data_set) if name not in lacks]
    searches = _searched(todo, PRESETS[asked.cjme], work, runner)
    experiments = [
        Experiment.of(one, seed) for one in searches for seed in seeds_of(one.method, asked.n_seeds)
    ]
    _work(runner, "reproduce: trainings", experiment, experiments)
    results = pa.concat_tables([SCHEMA.empty_table(), *(read_outcome(one.path) for one in experiments)])
    write_table(results.replace_schema_metadata(None), out / "results.parquet", SCHEMA)
    frame = results.to_pandas()
    for place in places:
        clear(place.inputs.parent)
    path = _write(
        out, [compare(n, rows_of(n), protocol, frame, missing) for n, protocol in asked.pairs], notes
    )
    _draw(out, experiments, frame)
    return path


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the folder of the results, which is made if it is not there."""
    if out.exists() and not out.is_dir():
        raise SetupError(f"{out} is no folder, so results cannot lie in it; name another with --out")
    place = Workspace(out)
    with disk_told(place):
        out.mkdir(parents=True, exist_ok=True)
    with alone(place, "reproduce"):
        yield


def _laid_out(
    data_set: str, features: str, out: Path, asked: Asked
) -> tuple[Place, dict[str, str], list[str]]:
    """Lay the features of a data set out; gives what methods lack there, and what has to be said of it."""
    source = asked.source_of(data_set, features)
    clips = open_set(source)
    wanted = asked.methods_on(data_set)
    for protocol in dict.fromkeys(protocol for _, protocol in wanted):
        check_stages(clips, protocol)
    place = Place(out if data_set == HERE else out / data_set, data_set, digest_of(clips))
    lay_out(clips, place.inputs)
    lacks = {name: why for name, _ in wanted if (why := _lacks(name, clips))}
    return place, lacks, notes_on(clips, data_set, source, place.digest)


def place_of(features: str, out: Path | None) -> Path:
    """Folder of the results: beside the features of a workspace, if no other is named.

    Raises:
        SetupError: features from elsewhere have no such place.
    """
    if out:
        return out
    name = Name.of(features)
    if name.form is not Form.WORKSPACE or not name.path.is_dir():
        raise SetupError(
            f"{features} is no workspace, so there is no place for results in it; name one with --out"
        )
    return Workspace(name.path).results / "reproduce"


def _searched(
    todo: Sequence[tuple[str, Protocol, Place]], preset: CjmeTraining, work: Work, runner: Runner
) -> list[Search]:
    """Choose settings for every method; those that follow another come after it."""
    firsts = {
        (name, protocol, place): Search.of(name, protocol, place, work, preset)
        for name, protocol, place in dict.fromkeys((method(n).follows or n, p, at) for n, p, at in todo)
    }
    _choose(runner, "reproduce: settings", list(firsts.values()))
    found = []
    for name, protocol, place in todo:
        before = firsts[method(name).follows or name, protocol, place]
        is_first = before.method == name
        found.append(before if is_first else Search.of(name, protocol, place, work, before.chosen()))
    _choose(runner, "reproduce: settings that follow", found)
    return found


def _choose(runner: Runner, name: str, searches: Sequence[Search]) -> None:
    """Try what has to be tried for these searches, and conclude them."""
    open_ones = [one for one in searches if not one.path.is_file()]
    _work(runner, name, trial, [tried for one in open_ones for tried in one.trials])
    for one in open_ones:
        one.conclude()


def _work(runner: Runner, name: str, function: Callable[[T], None], todo: Sequence[T]) -> None:
    """Do what is not done yet, side by side."""
    try:
        for _ in runner.map(name, function, [one for one in todo if not one.is_done]):
            pass
    except BrokenProcessPool as problem:
        raise SetupError(
            "a worker process was killed, most likely because memory ran out; nothing is lost: make room, or take "
            "fewer --workers, and run the same command again"
        ) from problem


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
    else:
        (out / "figure_4.png").unlink(missing_ok=True)  # of a command before, with other features perhaps


def _write(out: Path, tables: Sequence[ComparedTable], notes: Sequence[str]) -> Path:
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


def _lacks(name: str, clips: FeatureSet) -> str:
    """What a feature set has not, of what a method cannot do without."""
    absent = [str(view) for view in sorted(method(name).views) if not getattr(clips.features, view).shape[1]]
    return f"no {' or '.join(absent)} features" if absent else ""
