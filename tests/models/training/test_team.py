import pytest
import torch
from small_training import OPTIMISING, STEPS, network, step_of, weights_in_a_team
from torch import nn

from audiosetzsl.errors import SetupError
from models.training import Share, Step, Team, on_devices, train


def test_the_shares_of_a_batch_are_equal_and_together_all_of_it():
    batch = torch.arange(12).reshape(6, 2)
    parts = [Share(index, 3).part(batch) for index in range(3)]
    assert [len(part) for part in parts] == [2, 2, 2]
    assert torch.equal(torch.cat(parts).sort(dim=0).values, batch)


def test_a_batch_that_cannot_be_shared_equally_is_refused():
    with pytest.raises(
        SetupError, match=r"a batch of 10 has no 4 equal parts; take a batch_size .* or fewer devices"
    ):
        Share(0, 4).part(torch.zeros(10, 2))


def test_more_gpus_than_there_are_are_refused():
    n = torch.cuda.device_count() + 1
    with pytest.raises(SetupError, match=f"{n} CUDA devices asked for, but there are {n - 1}"):
        on_devices(weights_in_a_team, n)


def test_gradients_and_numbers_told_are_means_over_the_devices():
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    passes = []
    # The other device has the same shapes and twice the numbers.
    twice = Team(share=Share(0, 2), mean=lambda mine: (mine + 2 * mine) / 2)
    optimising = type(OPTIMISING)("sgd", 1.0, decay_at=(), passes=1)

    def step(generator, share):
        return Step(4 * model.weight.sum() + 1, {"index": torch.tensor(share.index + 1.0)})

    train(model, step, 1, optimising, seed=0, validate=lambda m: 3.0, on_pass=passes.append, team=twice)
    assert model.weight.item() == -6.0
    assert (passes[0].loss, passes[0].told, passes[0].val) == (1.5, {"index": 1.5}, 4.5)


def test_devices_draw_alike_and_drop_differently():
    seen = []
    for index in (0, 1):
        model, drawn, dropped = network(), [], []

        def step(generator, share, model=model, drawn=drawn, dropped=dropped):
            drawn.append(torch.rand(1, generator=generator).item())
            dropped.append(tuple(nn.functional.dropout(torch.ones(64)).tolist()))
            return step_of(model)(generator, share)

        train(model, step, STEPS, OPTIMISING, seed=0, validate=None, team=Team(share=Share(index, 2)))
        seen.append((drawn, dropped))
    assert seen[0][0] == seen[1][0]
    assert not set(seen[0][1]) & set(seen[1][1])


@pytest.mark.slow
def test_two_devices_train_the_network_that_one_does():
    alone, losses = weights_in_a_team()
    together, shared_losses = on_devices(weights_in_a_team, 2, "cpu")
    for name, weight in alone.items():
        torch.testing.assert_close(together[name], weight, rtol=1e-4, atol=1e-6)
    for (loss, same, _), (shared, shared_same, val) in zip(losses, shared_losses, strict=True):
        assert (shared, shared_same) == pytest.approx((loss, same), rel=1e-5)
        assert val == 0.5  # a mean, so that both stop alike
