"""Outcome of an experiment: one row a measure, as Parquet; what it was made of stands in the metadata."""

from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from audiosetzsl.errors import ShardError
from audiosetzsl.evaluation.curve import Curve
from audiosetzsl.evaluation.protocol import Beta, Scores, choose_beta, classify, curve_of
from audiosetzsl.feature_sets import FeatureSet, Stage
from audiosetzsl.files import read_table, write_table
from audiosetzsl.shards import Recipe
from flows.reproducing.learning import Learnt, searched
from flows.reproducing.method import Method

SCHEMA = pa.schema(
    [
        pa.field("data_set", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("protocol", pa.string(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field(
            "measure", pa.string(), nullable=False
        ),  # `classification <inference>` or `retrieval <direction>`
        pa.field("seen", pa.float64(), nullable=False),  # S, U, HM from 0 to 1
        pa.field("unseen", pa.float64(), nullable=False),
        pa.field("harmonic", pa.float64(), nullable=False),
        pa.field("zero_shot", pa.float64()),  # of classification alone
        pa.field("beta", pa.float64()),
        pa.field("ausuc", pa.float64()),
        pa.field("best_harmonic_on_test", pa.float64()),  # told, and never used to choose
        # To learn and to measure, all measures together; of a training that was broken off since it was resumed.
        pa.field("seconds", pa.float64(), nullable=False),
        pa.field("fingerprint", pa.string(), nullable=False),  # of features, settings, seed and code
    ]
)


@dataclass(frozen=True, slots=True)
class Measured:
    """What an experiment says of one measure; shares from 0 to 1."""

    measure: str
    seen: float
    unseen: float
    harmonic: float
    zero_shot: float | None = None
    beta: float | None = None
    ausuc: float | None = None
    best_harmonic_on_test: float | None = None


def measure(
    method: Method, learnt: Learnt, clips: FeatureSet, stage: Stage
) -> tuple[list[Measured], dict[str, Curve]]:
    """Measure a fitted model on test; beta comes from the val scores of the stage that chose it.

    Of kinds of inference that differ after an @ alone, the best on val counts.

    Returns:
        What was measured, and for each measure of classification its curve on test.
    """
    test = clips.rows(clips.splits == "test")
    found, curves = [], {}
    if method.scores:
        values = method.scores(learnt.model, test.features, clips.class_vectors)
        for name, (kind, beta) in _kinds(learnt, stage).items():
            scores = Scores(values[kind], test.labels, clips.classes, "test")
            found.append(_classified(name, scores, beta))
            curves[found[-1].measure] = curve_of(scores)
    of_search = searched(method, learnt.model, test.features, test.labels, clips.class_vectors, clips.classes)
    found += [
        Measured(f"retrieval {direction}", one.seen, one.unseen, one.harmonic)
        for direction, one in of_search.items()
    ]
    return found, curves


@dataclass(frozen=True, slots=True)
class Source:
    """What an outcome is of."""

    data_set: str
    method: str
    protocol: str
    seed: int
    seconds: float
    fingerprint: str


def write_outcome(path: Path, source: Source, found: list[Measured], recipe: Recipe) -> Path:
    """Write the rows of an experiment, whole or not at all."""
    rows = [asdict(source) | asdict(one) for one in found]
    noted = {"recipe": recipe.as_json(), "fingerprint": recipe.fingerprint}
    table = pa.Table.from_pylist(rows, SCHEMA).replace_schema_metadata(noted)
    return write_table(table, path, SCHEMA)


def read_outcome(path: Path) -> pa.Table:
    """Read the rows of an experiment.

    Raises:
        ShardError: the file is absent or damaged.
    """
    return read_table(path, SCHEMA, error=ShardError)


def _kinds(learnt: Learnt, stage: Stage) -> dict[str, tuple[str, Beta]]:
    """For each measure the kind of inference, and its beta, that does best on val."""
    best: dict[str, tuple[str, Beta]] = {}
    for kind, values in learnt.val.items():
        name, beta = kind.partition("@")[0], choose_beta(stage.val_scores(values))
        if name not in best or beta.harmonic > best[name][1].harmonic:
            best[name] = kind, beta
    return best


def _classified(name: str, test: Scores, beta: Beta) -> Measured:
    found = classify(test, beta)
    return Measured(
        f"classification {name}".strip(),
        found.seen,
        found.unseen,
        found.harmonic,
        found.zero_shot,
        found.beta,
        found.ausuc,
        found.best_harmonic_on_test,
    )
