import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.baselines.devise import devise_losses


def slow_loss(scores, label, margin):
    """Eq. 1 of the source: over all wrong labels, max[0, margin - own + other]."""
    return sum(max(0.0, margin - scores[label] + other) for j, other in enumerate(scores) if j != label)


def test_a_case_to_check_by_eye():
    scores = torch.tensor([[1.0, 0.5, 1.25], [0.0, 0.0, 0.0]])
    losses = devise_losses(scores, torch.tensor([0, 2]), margin=0.125)
    assert losses.tolist() == [0.375, 0.25]  # only the last is too high; both others are, by the margin


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.sampled_from([0.1, 1.0]))
def test_it_is_the_loss_of_the_source_clip_by_clip(seed, n_classes, margin):
    generator = np.random.default_rng(seed)
    scores, labels = generator.normal(size=(8, n_classes)), generator.integers(n_classes, size=8)
    losses = devise_losses(torch.from_numpy(scores), torch.from_numpy(labels), margin)
    assert losses.numpy() == pytest.approx(
        [slow_loss(*pair, margin) for pair in zip(scores, labels, strict=True)]
    )


@pytest.mark.parametrize("seed", range(3))
def test_its_gradient_is_that_of_finite_differences(seed):
    generator = torch.Generator().manual_seed(seed)
    rows, words, weights = (
        torch.randn(size, generator=generator, dtype=torch.float64) for size in ((6, 4), (5, 3), (4, 3))
    )
    labels = torch.randint(5, (6,), generator=generator)
    assert torch.autograd.gradcheck(
        lambda w: devise_losses(rows @ w @ words.T, labels, 0.1).mean(), weights.requires_grad_()
    )
