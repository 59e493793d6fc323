import signal
from dataclasses import replace

import pytest
import torch
from small_training import OPTIMISING, PASSES, STEPS, Stopped, killed_in, network, run, step_of

from audiosetzsl.errors import SetupError
from models.training import Progress, train


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


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"seed": 2}, "run is of a training with other seed; delete it to begin anew, or name another file"),
        ({"optimising": replace(OPTIMISING, passes=9)}, "of a training with other optimising"),
        ({"made_of": "other clips"}, "of a training with other made_of"),
    ],
)
def test_the_progress_of_another_training_is_refused(tmp_path, other, message):
    path = tmp_path / "run"
    with pytest.raises(Stopped):
        run(path, at_step=stop_at(3))
    with pytest.raises(SetupError, match=message):
        run(path, **other)
    assert path.is_file()


def test_damaged_progress_is_told(tmp_path):
    path = tmp_path / "run"
    path.write_bytes(b"no tensors")
    with pytest.raises(SetupError, match=r"run is damaged \(.*delete it to begin anew"):
        run(path)


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
