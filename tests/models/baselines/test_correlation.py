import itertools

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.errors import SetupError
from models.baselines.correlation import canonical_axes


def views_of(seed=0, n=400, widths=(5, 4, 3), shared=2, noise=1.0):
    """Views that see the same few signals, each through a mixture of its own, with noise."""
    generator = np.random.default_rng(seed)
    signal = generator.normal(size=(n, shared))
    rows = [
        signal @ generator.normal(size=(shared, width)) + noise * generator.normal(size=(n, width))
        for width in widths
    ]
    return [view - view.mean(0) for view in rows]


def covariance_of(views):
    whole = np.hstack(views)
    return whole.T @ whole / len(whole)


def blocks_of(covariance, widths):
    ends = np.cumsum((0, *widths))
    return [covariance[a:b, a:b] for a, b in itertools.pairwise(ends)]


@pytest.mark.parametrize("ridge", [0.0, 0.1])
def test_axes_and_correlations_are_those_of_the_generalised_eigenproblem(ridge):
    views = views_of()
    covariance, widths = covariance_of(views), (5, 4, 3)
    axes, correlations = canonical_axes(covariance, widths, ridge=ridge, components=4)
    blocks = blocks_of(covariance, widths)
    d = scipy.linalg.block_diag(*blocks)
    d_ridge = scipy.linalg.block_diag(*(b + ridge * np.diag(b).mean() * np.eye(len(b)) for b in blocks))
    values, vectors = scipy.linalg.eigh(covariance - d, d_ridge)
    assert np.allclose(correlations, values[::-1][:4] / 2)
    assert np.allclose(np.abs(axes), np.abs(vectors[:, ::-1][:, :4]) * np.sqrt(3))
    assert np.allclose(axes.T @ d_ridge @ axes, 3 * np.eye(4))


def test_without_ridge_axes_are_those_of_maxvar():
    views = views_of(n=40)
    axes, correlations = canonical_axes(covariance_of(views), (5, 4, 3), ridge=0.0, components=3)
    projectors = sum(x @ np.linalg.inv(x.T @ x) @ x.T for x in views)  # clips x clips: only a twin may
    values, common = np.linalg.eigh(projectors)
    assert np.allclose(1 + 2 * correlations, values[::-1][:3])
    for k, g in enumerate(common[:, ::-1][:, :3].T):
        expected = np.concatenate([np.linalg.lstsq(x, g, rcond=None)[0] for x in views])
        cosine = expected @ axes[:, k] / np.linalg.norm(expected) / np.linalg.norm(axes[:, k])
        assert abs(cosine) == pytest.approx(1)


def test_two_views_give_hotellings_correlations():
    x, y = views_of(widths=(5, 4))
    axes, correlations = canonical_axes(covariance_of([x, y]), (5, 4), ridge=0.0, components=None)
    left, right = np.linalg.qr(x)[0], np.linalg.qr(y)[0]
    assert np.allclose(correlations, np.linalg.svd(left.T @ right, compute_uv=False))
    for k, rho in enumerate(correlations):
        assert np.corrcoef(x @ axes[:5, k], y @ axes[5:, k])[0, 1] == pytest.approx(rho)


def test_a_known_common_signal_comes_out_with_its_correlation():
    # Each view has the signal and noise of the same variance in one dimension: every pair correlates by 1 / 2.
    generator = np.random.default_rng(0)
    signal = generator.normal(size=20_000)
    views = [np.c_[signal + generator.normal(size=20_000), generator.normal(size=20_000)] for _ in range(3)]
    axes, correlations = canonical_axes(covariance_of(views), (2, 2, 2), ridge=0.0, components=1)
    assert correlations[0] == pytest.approx(0.5, abs=0.02)
    for view, axis in zip(views, np.split(axes[:, 0], 3), strict=True):
        assert abs(np.corrcoef(view @ axis, signal)[0, 1]) == pytest.approx(np.sqrt(0.5), abs=0.02)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000))
def test_an_invertible_map_of_a_view_changes_nothing_without_ridge(seed):
    views = views_of(seed)
    axes, correlations = canonical_axes(covariance_of(views), (5, 4, 3), ridge=0.0, components=None)
    assert (np.diff(correlations) <= 1e-12).all()
    mapped = [views[0] @ (np.random.default_rng(seed).normal(size=(5, 5)) + 6 * np.eye(5)), *views[1:]]
    other_axes, other = canonical_axes(covariance_of(mapped), (5, 4, 3), ridge=0.0, components=None)
    assert np.allclose(correlations, other)
    assert np.allclose(np.abs(views[0] @ axes[:5, 0]), np.abs(mapped[0] @ other_axes[:5, 0]), atol=1e-4)


def test_no_component_is_kept_on_which_views_disagree():
    views = views_of()
    axes, correlations = canonical_axes(covariance_of(views), (5, 4, 3), ridge=0.1, components=None)
    assert correlations.min() > 0
    assert axes.shape[1] < 12
    same, _ = canonical_axes(covariance_of(views), (5, 4, 3), ridge=0.1, components=12)
    assert np.allclose(same, axes)


def test_a_singular_view_needs_a_ridge():
    x, y, z = views_of()
    covariance = covariance_of([x, y, np.c_[z, z[:, :1]]])
    with pytest.raises(
        SetupError, match=r"a view of width 4 has fewer independent dimensions than that; set ridge above 0"
    ):
        canonical_axes(covariance, (5, 4, 4), ridge=0.0, components=2)
    canonical_axes(covariance, (5, 4, 4), ridge=0.1, components=2)
