import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.audio_cnn.losses import (
    LOSSES,
    sigmoid_loss,
    sigmoid_probabilities,
    softmax_loss,
    softmax_probabilities,
)


def drawn(seed, scale=3.0):
    """Logits of 4 clips, 3 classes, 5 segments; targets that are mixed."""
    generator = torch.Generator().manual_seed(seed)
    logits = scale * torch.randn(4, 3, 5, generator=generator, dtype=torch.float64)
    return logits, torch.rand(4, 3, generator=generator, dtype=torch.float64).softmax(1)


def slow_softmax_loss(logits, targets):
    """Mean over time, then minus the logarithm of each class's share, weighted by the target."""
    losses = []
    for clip, target in zip(logits.tolist(), targets.tolist(), strict=True):
        means = [sum(segments) / len(segments) for segments in clip]
        total = sum(math.exp(x) for x in means)
        losses.append(-sum(t * math.log(math.exp(x) / total) for x, t in zip(means, target, strict=True)))
    return losses


def slow_sigmoid_loss(logits, targets):
    """A probability for each segment, mean over time, then binary cross-entropy, mean over classes."""
    losses = []
    for clip, target in zip(logits.tolist(), targets.tolist(), strict=True):
        p = [sum(1 / (1 + math.exp(-x)) for x in segments) / len(segments) for segments in clip]
        terms = [-(t * math.log(q) + (1 - t) * math.log(1 - q)) for q, t in zip(p, target, strict=True)]
        losses.append(sum(terms) / len(terms))
    return losses


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_losses_are_what_they_are_said_to_be(seed):
    logits, targets = drawn(seed)
    assert softmax_loss(logits, targets).tolist() == pytest.approx(slow_softmax_loss(logits, targets))
    assert sigmoid_loss(logits, targets).tolist() == pytest.approx(slow_sigmoid_loss(logits, targets))


@pytest.mark.parametrize("name", LOSSES)
def test_a_network_that_is_sure_and_wrong_has_a_finite_loss_and_gradient(name):
    logits = torch.full((2, 3, 5), -500.0)
    logits[:, 1] = 500.0
    logits.requires_grad_()
    targets = torch.tensor([[1.0, 0, 0]] * 2)
    loss = LOSSES[name].of_clips(logits, targets).mean()
    torch.autograd.backward(loss)
    assert loss.isfinite() and loss > 100
    assert logits.grad.isfinite().all() and logits.grad[:, 0].max() < 0 < logits.grad[:, 1].min()


@pytest.mark.parametrize("name", LOSSES)
def test_the_right_answer_costs_nothing(name):
    logits = torch.full((1, 3, 5), -60.0)
    logits[0, 2] = 60.0
    assert LOSSES[name].of_clips(logits, torch.tensor([[0.0, 0, 1]])).item() == pytest.approx(0, abs=1e-6)


def test_probabilities_of_softmax_sum_to_one_and_of_sigmoid_stand_alone():
    logits, _ = drawn(0)
    assert softmax_probabilities(logits).sum(1).tolist() == pytest.approx([1] * 4)
    assert sigmoid_probabilities(torch.zeros(1, 3, 2)).tolist() == [[0.5] * 3]
    # One of two segments is sure: half of the clip.
    assert sigmoid_probabilities(torch.tensor([[[60.0, -60.0]]])).item() == pytest.approx(0.5)
