import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.audio_cnn.augmentation import masked, mixed

FILL = torch.arange(12.0) - 100  # of each band, and nowhere in the clips


def clips(n=3, n_frames=20):
    return torch.rand(n, n_frames, 12, generator=torch.Generator().manual_seed(1))


def generator(seed):
    return torch.Generator().manual_seed(seed)


def stretches(row):
    """Lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.r_[0, np.asarray(row).astype(int), 0]))
    return (edges[1::2] - edges[::2]).tolist()


numbers = st.integers(0, 3)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32), bands=st.tuples(numbers, st.integers(0, 30)), time=st.tuples(numbers, numbers)
)
def test_masks_hide_whole_bands_and_whole_frames_behind_the_mean(seed, bands, time):
    """So many stretches at most, none longer than the widest (unless two meet), and nothing else is touched."""
    before = clips()
    after = masked(before, FILL, freq=bands, time=time, generator=generator(seed))
    hidden = after != before
    assert torch.equal(after[hidden], FILL.expand_as(after)[hidden])
    for clip in hidden:
        of_bands, of_frames = clip.all(0), clip.all(1)
        if not of_frames.all() and not of_bands.all():
            assert torch.equal(clip, of_bands[None, :] | of_frames[:, None])
        for line, (how_many, widest) in ((of_bands, bands), (of_frames, time)):
            if line.all():
                continue  # the other kind may have hidden everything
            assert len(stretches(line)) <= how_many
            assert int(line.sum()) <= how_many * widest
    assert torch.equal(before, clips())  # the caller's are left alone


def test_widths_and_places_are_uniform():
    many = masked(torch.zeros(20_000, 1, 12), FILL, freq=(1, 3), time=(0, 9), generator=generator(0)).squeeze(
        1
    )
    hidden = many != 0
    widths = hidden.sum(1)
    assert (torch.bincount(widths) / len(widths)).tolist() == pytest.approx([1 / 4] * 4, abs=0.015)
    starts = hidden[widths == 3].float().argmax(1)
    assert (torch.bincount(starts) / len(starts)).tolist() == pytest.approx([1 / 10] * 10, abs=0.02)


def test_each_clip_has_masks_of_its_own():
    hidden = masked(torch.zeros(50, 20, 12), FILL, freq=(1, 8), time=(1, 8), generator=generator(0)) != 0
    assert len({tuple(clip.flatten().tolist()) for clip in hidden}) > 40


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), alpha=st.floats(0.05, 5), n=st.integers(1, 8))
def test_a_mix_is_between_two_clips_and_its_target_by_the_same_share(seed, alpha, n):
    log_mels, targets = clips(n), torch.eye(n)
    mels, mix = mixed(log_mels, targets, alpha, generator(seed))
    assert mix.sum(1).tolist() == pytest.approx([1] * n, abs=1e-6)
    assert ((mix >= 0) & (mix <= 1)).all()
    assert (torch.count_nonzero(mix, dim=1) <= 2).all()
    # With a class for each clip the target says which clips were mixed, and how.
    torch.testing.assert_close(mels, torch.einsum("ij,jtf->itf", mix, log_mels))


def test_shares_are_those_of_the_beta_distribution():
    n, alpha = 20_000, 0.4
    ones = torch.arange(float(n)) < n / 2  # half of the clips are 1, half 0
    mels, _ = mixed(ones.float()[:, None, None], torch.ones(n, 1), alpha, generator(0))
    between = mels.flatten()[(mels.flatten() > 0) & (mels.flatten() < 1)].numpy()
    # Of those mixed with the other kind, the share has mean 1/2 and variance 1 / (4 (2 alpha + 1)).
    assert between.mean() == pytest.approx(0.5, abs=0.02)
    assert between.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), abs=0.01)


def test_the_seed_decides_and_the_global_generators_are_left_alone():
    torch.manual_seed(3)
    np.random.seed(3)
    states = torch.get_rng_state(), np.random.get_state()[1].copy()
    first, again, other = (mixed(clips(8), torch.eye(8), 0.4, generator(seed))[1] for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])
