import math
import signal
from dataclasses import replace

import pytest
import torch
from small_training import OPTIMISING, PASSES, STEPS, Stopped, killed_in, network, run, step_of
from torch import nn

from audiosetzsl.errors import DivergedError, SetupError
from models.checkpoint import load_checkpoint, save_checkpoint
from models.training import Progress, Share, Team, train


def stop_at(n):
    def at_step(at):
        if at == n:
            raise Stopped

    return at_step


def told(passes):
    return [replace(one, seconds=0.0) for one in passes]


def same(one, other):
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(a == b and torch.equal(x, y) for (a, x), (b, y) in pairs)


@pytest.fixture(scope="module")
def whole():
    passes = []
    return run(on_pass=passes.append), told(passes)


@pytest.mark.parametrize("n", [2, STEPS, STEPS + 1, STEPS + 3, PASSES * STEPS])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_a_training_stopped_in_any_step_ends_as_if_it_had_not_been(tmp_path, n, optimiser):
    path, passes, again = tmp_path / "run", [], []
    momentum = 0.9 if optimiser == "sgd" else 0.0
    optimising = replace(OPTIMISING, optimiser=optimiser, momentum=momentum)
    expected = run(optimising=optimising, on_pass=passes.append)
    with pytest.raises(Stopped):
        run(path, optimising=optimising, at_step=stop_at(n))
    assert path.is_file()
    torch.manual_seed(n)  # what others draw meanwhile changes nothing
    steps = []
    model = run(path, optimising=optimising, on_pass=again.append, at_step=steps.append)
    assert same(model, expected)
    assert told(again) == told(passes)  # those before it was stopped are told again
    assert len(steps) == PASSES * STEPS - (n - 1)  # and nothing is done again
    assert not path.exists()


def test_a_training_stopped_twice_and_while_it_is_validated_goes_on(tmp_path, whole):
    path = tmp_path / "run"
    net = network()

    def validate(model):
        raise Stopped

    with pytest.raises(Stopped):
        run(path, at_step=stop_at(3))
    with pytest.raises(Stopped):
        train(
            net, step_of(net), STEPS, OPTIMISING, seed=1, validate=validate, progress=Progress(path, "", 0.0)
        )
    passes = []
    assert same(run(path, on_pass=passes.append), whole[0])
    assert told(passes) == whole[1]


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")  # nothing here has threads
def test_a_training_whose_process_is_killed_goes_on(tmp_path, whole):
    path, passes = tmp_path / "run", []
    assert killed_in(STEPS + 3, path) == -signal.SIGKILL
    assert path.is_file()
    assert same(run(path, on_pass=passes.append), whole[0])
    assert told(passes) == whole[1]


def wider():
    return nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Dropout(), nn.Linear(9, 2))


OTHERS = {
    "seed": {"seed": 2},
    "optimising": {"optimising": replace(OPTIMISING, passes=9)},
    "made_of": {"progress": "other clips"},
    "steps_per_pass": {"steps_per_pass": STEPS + 1},
    "devices": {"team": Team(share=Share(0, 2))},
    "weights": {"make": wider},
    "validated": {"validate": None},
}


def begin(path, at_step=lambda n: None, *, make=network, progress="these clips", **other):
    """A training of which anything can be another one."""
    model = make()
    how = {"steps_per_pass": STEPS, "optimising": OPTIMISING, "seed": 1, "validate": lambda m: 0.0, **other}
    train(model, step_of(model, at_step), progress=Progress(path, progress, every_s=0.0), **how)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("first", [True, False])
def test_the_progress_of_another_training_is_refused(tmp_path, name, first):
    path, ways = tmp_path / "run", [{}, OTHERS[name]]
    one, other = ways if first else ways[::-1]
    with pytest.raises(Stopped):
        begin(path, stop_at(3), **one)
    with pytest.raises(
        SetupError,
        match=f"/run is of a training with other {name}; delete it to begin anew, or name another file",
    ):
        begin(path, **other)
    assert path.is_file()


def test_every_fact_that_makes_progress_foreign_is_tried(tmp_path):
    path = tmp_path / "run"
    with pytest.raises(Stopped):
        begin(path, stop_at(2))
    _, facts = load_checkpoint(path, "training")
    assert facts["made_of"].keys() == OTHERS.keys()


def test_damaged_progress_is_told(tmp_path):
    path = tmp_path / "run"
    path.write_bytes(b"no tensors")
    with pytest.raises(SetupError, match=r"run is damaged \(.*delete it to begin anew"):
        run(path)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"made_of": None}, "it has no made_of"),
        ({"passes": None, "steps": None}, "it has no passes, steps"),
        ({"seconds": None}, "it has no seconds"),
        ({"made_of": "these clips"}, "it has no made_of"),
        ({"passes": [{"number": 1}]}, ".*missing .*loss.*"),
    ],
)
def test_progress_without_what_it_needs_is_told(tmp_path, change, what):
    path = tmp_path / "run"
    with pytest.raises(Stopped):
        begin(path, stop_at(STEPS + 2))
    state, facts = load_checkpoint(path, "training")
    kept = {name: fact for name, fact in (facts | change).items() if fact is not None}
    save_checkpoint(path, "training", state, kept)
    with pytest.raises(
        SetupError, match=rf"/run is of another version \({what}\); delete it to begin anew, or name another"
    ):
        begin(path)


def test_progress_is_written_no_oftener_than_asked_for(tmp_path):
    path, net = tmp_path / "run", network()
    seen = []
    progress = Progress(path, "", every_s=3600.0)
    train(
        net,
        step_of(net, lambda n: seen.append(path.exists())),
        STEPS,
        OPTIMISING,
        seed=1,
        validate=None,
        progress=progress,
    )
    assert seen == [False] * PASSES * STEPS


def test_of_a_training_that_diverged_no_progress_is_left(tmp_path):
    path = tmp_path / "run"
    with pytest.raises(SetupError, match="diverged in pass"):
        run(path, optimising=replace(OPTIMISING, optimiser="sgd", learning_rate=1e30))
    assert not path.exists()


@pytest.mark.parametrize("val", [math.nan, math.inf, -math.inf])
def test_nor_of_one_whose_val_is_no_number(tmp_path, val):
    path, vals = tmp_path / "run", iter([0.5, val])

    def validate(model):
        assert path.is_file()
        return next(vals)

    with pytest.raises(DivergedError, match=rf"diverged in pass 2 \(val is {val}\); lower learning_rate"):
        begin(path, validate=validate)
    assert list(tmp_path.iterdir()) == []
