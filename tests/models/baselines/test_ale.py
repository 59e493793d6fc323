import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.baselines.ale import ale_losses


def slow_loss(scores, label, margin):
    """As the source has it: what is too high, how many are, and the weight l(r) / r."""
    too_high = [max(0.0, margin + s - scores[label]) for y, s in enumerate(scores) if y != label]
    rank = sum(by > 0 for by in too_high)
    return sum(1 / i for i in range(1, rank + 1)) / rank * sum(too_high) if rank else 0.0


def slow_update(weights, rows, words, labels, margin):
    """Mean over clips of the source's step: theta(x) (phi(y) - phi(own))' for every y too high, times l(r) / r."""
    update = np.zeros_like(weights)
    for x, own in zip(rows, labels, strict=True):
        fits = [x @ weights @ word for word in words]
        wrong = [y for y in range(len(words)) if y != own and margin + fits[y] - fits[own] > 0]
        for y in wrong:
            weight = sum(1 / i for i in range(1, len(wrong) + 1)) / len(wrong)
            update += weight * np.outer(x, words[y] - words[own]) / len(rows)
    return update


def test_a_case_to_check_by_eye():
    scores = torch.tensor([[1.0, 0.5, 1.2], [3.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    # Too high by .5 and 1.2, so (1 + 1/2) / 2 of 1.7; by nothing; by 1 and 1, so 3/4 of 2.
    losses = ale_losses(scores, torch.tensor([0, 0, 1]), margin=1.0)
    torch.testing.assert_close(losses, torch.tensor([1.275, 0.0, 1.5]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.sampled_from([0.1, 1.0, 5.0]))
def test_it_is_the_loss_of_the_source_clip_by_clip(seed, n_classes, margin):
    generator = np.random.default_rng(seed)
    scores, labels = generator.normal(size=(8, n_classes)), generator.integers(n_classes, size=8)
    losses = ale_losses(torch.from_numpy(scores), torch.from_numpy(labels), margin)
    assert losses.numpy() == pytest.approx(
        [slow_loss(*pair, margin) for pair in zip(scores, labels, strict=True)]
    )


@pytest.mark.parametrize("seed", range(3))
def test_its_gradient_is_the_step_of_the_source_and_of_finite_differences(seed):
    generator = np.random.default_rng(seed)
    rows, words, start = (generator.normal(size=size) for size in ((6, 4), (5, 3), (4, 3)))
    labels = generator.integers(5, size=6)
    weights = torch.tensor(start, requires_grad=True)

    def mean_loss(w):
        return ale_losses(
            torch.from_numpy(rows) @ w @ torch.from_numpy(words).T, torch.from_numpy(labels), 1.0
        ).mean()

    assert torch.autograd.gradcheck(mean_loss, weights)
    torch.autograd.backward(mean_loss(weights))
    np.testing.assert_allclose(weights.grad, slow_update(start, rows, words, labels, 1.0), atol=1e-12)


def test_first_ranks_weigh_most():
    # The same sum too high: by one class alone, or by three.
    labels = torch.tensor([0])
    alone = ale_losses(torch.tensor([[0.0, 2.0, -9.0, -9.0]]), labels, margin=1.0)
    shared = ale_losses(torch.tensor([[0.0, 0.0, 0.0, 0.0]]), labels, margin=1.0)
    assert alone.item() == 3.0
    assert shared.item() == pytest.approx(3.0 * (1 + 1 / 2 + 1 / 3) / 3)
