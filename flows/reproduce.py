"""Stage reproduce: features -> the paper's tables of results beside its numbers, over several seeds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets import FeatureSet, Protocol
from audiosetzsl.feature_sets.digest import digest_of
from audiosetzsl.feature_sets.named import Form, Name
from audiosetzsl.feature_sets.opening import open_set
from audiosetzsl.files import write_table
from audiosetzsl.workspace import Workspace
from flows.alone import alone, disk_told
from flows.extracting.devices import devices_of
from flows.reproducing.asked import Asked
from flows.reproducing.choosing import choose_settings, work_off
from flows.reproducing.experiments import Experiment, experiment, seeds_of
from flows.reproducing.laid_out import clear, lay_out
from flows.reproducing.learning import check_stages
from flows.reproducing.methods import method
from flows.reproducing.notes import notes_on, notes_on_asked
from flows.reproducing.outcome import SCHEMA, read_outcome
from flows.reproducing.rows import HERE, rows_of
from flows.reproducing.showing import draw_figure, write_all
from flows.reproducing.tables import compare
from flows.reproducing.work import Place, Work
from flows.runner import Processes, Runner
from models.cjme import PRESETS


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
    searches = choose_settings(todo, PRESETS[asked.cjme], work, runner)
    experiments = [
        Experiment.of(one, seed) for one in searches for seed in seeds_of(one.method, asked.n_seeds)
    ]
    work_off(runner, "reproduce: trainings", experiment, experiments)
    results = pa.concat_tables([SCHEMA.empty_table(), *(read_outcome(one.path) for one in experiments)])
    write_table(results.replace_schema_metadata(None), out / "results.parquet", SCHEMA)
    frame = results.to_pandas()
    for place in places:
        clear(place.inputs.parent)
    path = write_all(
        out, [compare(n, rows_of(n), protocol, frame, missing) for n, protocol in asked.pairs], notes
    )
    draw_figure(out, experiments, frame)
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


def _lacks(name: str, clips: FeatureSet) -> str:
    """What a feature set has not, of what a method cannot do without."""
    absent = [str(view) for view in sorted(method(name).views) if not getattr(clips.features, view).shape[1]]
    return f"no {' or '.join(absent)} features" if absent else ""
