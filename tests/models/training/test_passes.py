import sys
import types

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audiosetzsl.errors import SetupError
from models.training import Pass, to_tensorboard, write_passes
from models.training.passes import best_of, is_over

PASSES = [
    Pass(1, 2.0, {"decided": 0.5, "alpha": 0.25}, 0.1, 1e-3, 4.0),
    Pass(2, 1.0, {"decided": 0.75, "alpha": 0.5}, None, 1e-4, 3.5),
]


def of_vals(*vals):
    return [Pass(number, 0.0, {}, val, 1e-3, 0.0) for number, val in enumerate(vals, start=1)]


@pytest.mark.parametrize(
    ("vals", "best"), [((0.1, 0.3, 0.2), 2), ((0.3, 0.3), 1), ((None, None, None), 3), ((0.0,), 1)]
)
def test_the_first_of_the_best_is_kept_and_the_last_where_nothing_is_known(vals, best):
    assert best_of(of_vals(*vals)).number == best


@pytest.mark.parametrize(
    ("vals", "over"),
    [
        ((), False),
        ((0.5, 0.4), False),
        ((0.5, 0.4, 0.4), True),
        ((0.1, 0.2, 0.3, 0.4), True),
        ((None,) * 3, False),
    ],
)
def test_a_training_is_over_after_its_passes_or_when_patience_is_out(vals, over):
    assert is_over(of_vals(*vals), most=4, patience=2) == over


def test_the_log_is_a_table_of_all_numbers(tmp_path):
    path = write_passes(tmp_path / "new" / "passes.parquet", PASSES)
    assert pq.read_table(path).to_pylist() == [
        {"number": 1, "loss": 2.0, "val": 0.1, "learning_rate": 1e-3, "seconds": 4.0, "alpha": 0.25, "decided": 0.5},
        {"number": 2, "loss": 1.0, "val": None, "learning_rate": 1e-4, "seconds": 3.5, "alpha": 0.5, "decided": 0.75},
    ]  # fmt: skip
    assert pq.read_schema(path).field("number").type == pa.int64()
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("passes", "message"),
    [
        ([], "no pass to write to .*passes.parquet; train first"),
        (
            [Pass(1, 0.0, {"val": 1.0}, None, 1.0, 0.0)],
            r"steps tell \['val'\], which are columns of every log",
        ),
    ],
)
def test_a_log_of_nothing_or_of_two_columns_of_one_name_is_refused(tmp_path, passes, message):
    with pytest.raises(SetupError, match=message):
        write_passes(tmp_path / "passes.parquet", passes)
    assert not list(tmp_path.iterdir())


def test_tensorboard_is_told_every_number(tmp_path, monkeypatch):
    told = []

    class Writer:
        def __init__(self, folder, purge_step):
            told.append((folder, purge_step))

        def __enter__(self):
            return self

        def __exit__(self, *problem):
            told.append("closed")

        def add_scalar(self, name, number, step):
            told.append((name, number, step))

        def flush(self):
            told.append("flushed")

    module = types.SimpleNamespace(SummaryWriter=Writer)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    with to_tensorboard(tmp_path) as tell:
        tell(PASSES[0])
    numbers = {"loss": 2.0, "learning_rate": 1e-3, "seconds": 4.0, "decided": 0.5, "alpha": 0.25, "val": 0.1}
    scalars = [(name, number, 1) for name, number in numbers.items()]
    assert told == [(tmp_path, 0), *scalars, "flushed", "closed"]


def test_tensorboard_that_is_not_installed_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    message = r"TensorBoard is not installed \(.*\); pip install tensorboard, or read the log in Parquet"
    with pytest.raises(SetupError, match=message), to_tensorboard(tmp_path):
        pass
