"""Passes: what a step and a pass came to, which pass was best, when to stop, and the log of them all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from torch import Tensor

from audiosetzsl.errors import SetupError
from audiosetzsl.files import write_table

NAMES = ("number", "loss", "val", "learning_rate", "seconds")


@dataclass(frozen=True, slots=True)
class Step:
    """What a batch came to: the loss to go down, and numbers to tell, all means over the batch."""

    loss: Tensor
    told: Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass came to: means over its steps."""

    number: int
    loss: float
    told: Mapping[str, float]
    val: float | None  # None where nothing is validated
    learning_rate: float
    seconds: float  # its steps and its validation


def best_of(passes: Sequence[Pass]) -> Pass:
    """The pass to keep: best on val, of equal ones the first; without val the last."""
    return max(passes, key=lambda one: float(one.number) if one.val is None else one.val)


def is_over(passes: Sequence[Pass], most: int, patience: int) -> bool:
    """Whether all passes are done, or `patience` of them brought nothing."""
    if not passes:
        return False
    number = passes[-1].number
    return number >= most or number - best_of(passes).number >= patience


def write_passes(path: Path, passes: Sequence[Pass]) -> Path:
    """Write the log as Parquet, a row a pass and a column a number, whole or not at all.

    Columns are number, loss, val (null where nothing was validated), learning_rate, seconds, then what the steps
    told, by name.

    Raises:
        SetupError: no pass, or a number told has the name of a column.
    """
    if not passes:
        raise SetupError(f"no pass to write to {path}; train first")
    told = sorted(passes[0].told)
    if taken := sorted(set(told) & set(NAMES)):
        raise SetupError(f"steps tell {taken}, which are columns of every log; name them otherwise")
    types = {name: pa.int64() if name == "number" else pa.float64() for name in (*NAMES, *told)}
    schema = pa.schema([pa.field(name, kind, nullable=name == "val") for name, kind in types.items()])
    columns = {name: [getattr(one, name) for one in passes] for name in NAMES}
    columns |= {name: [one.told[name] for one in passes] for name in told}
    return write_table(pa.table(columns, schema), path, schema, error=SetupError)


@contextmanager
def to_tensorboard(folder: Path) -> Iterator[Callable[[Pass], None]]:
    """Give what to call with every pass, so that TensorBoard shows it while training.

    Passes that are told again, of a training that was resumed, take the place of what the folder had.

    Raises:
        SetupError: TensorBoard is not installed.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as problem:
        raise SetupError(
            f"TensorBoard is not installed ({problem}); pip install tensorboard, or read the log in Parquet"
        ) from problem
    with SummaryWriter(folder, purge_step=0) as writer:

        def tell(one: Pass) -> None:
            numbers = {
                "loss": one.loss,
                "learning_rate": one.learning_rate,
                "seconds": one.seconds,
                **one.told,
            }
            if one.val is not None:
                numbers["val"] = one.val
            for name, number in numbers.items():
                writer.add_scalar(name, number, one.number)
            writer.flush()

        yield tell
