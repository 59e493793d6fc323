import math
from dataclasses import replace

import pytest
import torch
from small_training import OPTIMISING, STEPS, data, network, run, step_of
from torch import nn

from audiosetzsl.errors import SetupError
from models.training import Optimising, Step, train


def line(start=0.0):
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, start)
    return model


def to_three(model):
    return lambda generator, share: Step((model.weight - 3).square().sum(), {})


def plain(optimising, n_steps):
    """Adam and SGD as their papers give them, on (w - 3)^2 from 0; the twin of the whole loop."""
    w, first, second = 0.0, 0.0, 0.0
    for t in range(1, optimising.passes * n_steps + 1):
        rate = optimising.learning_rate
        for done in optimising.decay_at:
            if math.ceil(t / n_steps) > done:
                rate *= optimising.decay_factor
        gradient = 2 * (w - 3)
        if optimising.optimiser == "sgd":
            first = gradient if t == 1 else optimising.momentum * first + gradient
            w -= rate * first
        else:
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            w -= rate * (first / (1 - 0.9**t)) / (math.sqrt(second / (1 - 0.999**t)) + 1e-8)
    return w


@pytest.mark.parametrize(
    "optimising",
    [
        Optimising(learning_rate=0.2, decay_at=(1, 3), passes=4),
        Optimising("sgd", 0.02, 0.9, decay_at=(2,), passes=3),
        Optimising("sgd", 0.1, decay_at=(), passes=2),
    ],
)
def test_steps_and_rates_are_those_of_the_papers(optimising):
    model, passes = line(), []
    train(model, to_three(model), 5, optimising, seed=0, validate=None, on_pass=passes.append)
    assert model.weight.item() == pytest.approx(plain(optimising, 5), rel=1e-5)
    assert [one.learning_rate for one in passes] == [optimising.rate_in(n + 1) for n in range(len(passes))]


def test_the_best_pass_is_kept_and_patience_ends_the_training():
    model, passes, seen = line(), [], []
    vals = iter([0.1, 0.5, 0.5, 0.2, 0.9])

    def validate(found):
        seen.append(found.weight.item())
        return next(vals)

    optimising = Optimising("sgd", 0.1, decay_at=(), passes=5, patience=2)
    train(model, to_three(model), 1, optimising, seed=0, validate=validate, on_pass=passes.append)
    assert [one.val for one in passes] == [0.1, 0.5, 0.5, 0.2]
    assert model.weight.item() == seen[1]  # the first of equals


def test_without_val_the_last_pass_is_kept():
    model = line()
    train(model, to_three(model), 1, Optimising("sgd", 0.1, passes=2), seed=0, validate=None)
    assert model.weight.item() == pytest.approx(1.08)


def test_a_pass_is_the_mean_of_its_steps():
    model, passes, values = line(), [], iter([1.0, 2.0, 6.0])

    def step(generator, share):
        return Step(0 * model.weight.sum() + next(values), {"half": torch.tensor(0.5)})

    train(model, step, 3, Optimising(passes=1), seed=0, validate=None, on_pass=passes.append)
    ((number, loss, told, val, rate),) = [(p.number, p.loss, p.told, p.val, p.learning_rate) for p in passes]
    assert (number, loss, told, val, rate) == (1, 3.0, {"half": 0.5}, None, 0.001)


def test_the_seed_decides_what_is_drawn_and_dropped_and_nothing_else_does():
    passes = {}
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        torch.manual_seed(len(passes))
        before = torch.get_rng_state()
        run(seed=seed, on_pass=passes.setdefault(name, []).append)
        assert torch.equal(torch.get_rng_state(), before)
    losses = {name: [one.loss for one in told] for name, told in passes.items()}
    assert losses["one"] == losses["again"] != losses["other"]


def test_no_two_steps_draw_or_drop_alike():
    model, drawn, dropped = network(), [], []

    def step(generator, share):
        drawn.append(torch.rand(1, generator=generator).item())
        dropped.append(tuple(nn.functional.dropout(torch.ones(64)).tolist()))
        return step_of(model)(generator, share)

    train(model, step, STEPS, OPTIMISING, seed=0, validate=None)
    assert len(set(drawn)) == len(set(dropped)) == len(drawn)


def test_dropout_is_on_in_steps_and_off_in_validation():
    model, modes = network(), []

    def step(generator, share):
        modes.append(model.training)
        return step_of(model)(generator, share)

    def validate(found):
        modes.append(found.training)
        return 0.0

    train(model, step, 2, replace(OPTIMISING, passes=1), seed=0, validate=validate)
    assert modes == [True, True, False]


@pytest.mark.parametrize(
    ("loss", "val", "message"),
    [
        (math.nan, 0.0, r"diverged in pass 1 \(loss is nan\); lower learning_rate, now 0.05"),
        (0.0, math.nan, r"diverged in pass 1 \(val is nan\)"),
    ],
)
def test_a_training_that_diverges_says_so(loss, val, message):
    model = line()
    with pytest.raises(SetupError, match=message):
        train(
            model,
            lambda g, s: Step(model.weight.sum() * 0 + loss, {}),
            1,
            OPTIMISING,
            seed=0,
            validate=lambda m: val,
        )


def test_weights_that_only_the_last_step_broke_are_not_kept():
    model = line()
    with pytest.raises(SetupError, match=r"\(weight is not finite\)"):
        train(
            model,
            lambda g, s: Step(-1e9 * model.weight.sum(), {}),
            1,
            Optimising("sgd", 1e30, passes=1),
            seed=0,
            validate=None,
        )


def test_in_bf16_the_network_is_and_what_comes_out_is_not():
    model, seen = network(dropout=0.0), []
    model[3].register_forward_hook(lambda layer, inputs, output: seen.append(output.dtype))

    def step(generator, share):
        made = step_of(model)(generator, share)
        seen.append(model(data()[0]).dtype)
        seen.append(made.loss.dtype)
        return made

    train(model, step, 1, replace(OPTIMISING, passes=1, precision="bf16"), seed=0, validate=None)
    half, full = torch.bfloat16, torch.float32
    assert seen == [half, half, half, full, full]
    assert {weight.dtype for weight in model.parameters()} == {full}
    assert model(data()[0]).dtype == full and seen[-1] == full  # no longer after the training


def test_tf32_is_on_while_training_only():
    model, seen = network(), []

    def step(generator, share):
        seen.append(torch.backends.cuda.matmul.allow_tf32)
        return step_of(model)(generator, share)

    before = torch.backends.cuda.matmul.allow_tf32
    for precision in ("tf32", "fp32"):
        train(model, step, 1, replace(OPTIMISING, passes=1, precision=precision), seed=0, validate=None)
    assert seen == [True, False]
    assert torch.backends.cuda.matmul.allow_tf32 == before
