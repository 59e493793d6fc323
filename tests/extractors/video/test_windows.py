import numpy as np
import pytest
import torch

from extractors.video.windows import clip_vector, window_starts


class MeanLevel:
    """A network whose vector is the mean level of the window, and the number of its last frame."""

    width = 2

    def __init__(self, at_once=8):
        self.at_once = at_once
        self.shapes, self.places = [], []

    def vectors(self, frames):
        self.shapes.append(tuple(frames.shape))
        self.places.append(frames.data_ptr())
        return torch.stack([frames.float().mean(dim=(1, 2, 3, 4)), frames[:, -1, 0, 0, 0].float()], dim=1)


def numbered(n):
    """Frames that each hold their number."""
    return np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, 4, 5, 3))


@pytest.mark.parametrize(
    "n_frames, starts",
    [(1, [0]), (64, [0]), (65, [0, 1]), (128, [0, 64]), (250, [0, 64, 128, 186]), (256, [0, 64, 128, 192])],
)
def test_windows_cover_the_clip_and_the_last_ends_with_it(n_frames, starts):
    assert window_starts(n_frames, 64, 64) == starts


def test_overlapping_windows():
    assert window_starts(100, 64, 16) == [0, 16, 32, 36]


def test_a_clip_is_the_mean_of_its_windows():
    """Windows of 20 frames by 9: they begin at 0, 9 and 11, so their means are 4, 13 and 15."""
    vector, n_windows = clip_vector(MeanLevel(), numbered(20), window=9, hop=9)
    assert n_windows == 3 and vector.dtype == np.float32
    np.testing.assert_allclose(vector, [(4 + 13 + 15) / 3, (8 + 17 + 19) / 3], rtol=1e-6)


def test_a_short_clip_repeats_its_last_frame():
    """Frames 0 to 4, and 4 four times more."""
    vector, n_windows = clip_vector(MeanLevel(), numbered(5), window=9, hop=9)
    assert n_windows == 1
    np.testing.assert_allclose(vector, [(0 + 1 + 2 + 3 + 4 * 5) / 9, 4], rtol=1e-6)


def test_many_windows_go_through_in_several_batches():
    net = MeanLevel()
    vector, n_windows = clip_vector(net, numbered(200), window=10, hop=10)
    assert n_windows == 20
    assert net.shapes == [(8, 10, 4, 5, 3), (8, 10, 4, 5, 3), (4, 10, 4, 5, 3)]
    np.testing.assert_allclose(vector, [99.5, 104], rtol=1e-6)


def test_one_window_at_a_time_is_not_copied_and_gives_the_same():
    net, frames = MeanLevel(at_once=1), numbered(25).copy()
    vector, _ = clip_vector(net, frames, window=10, hop=10)
    assert net.places == [frames[start:].ctypes.data for start in (0, 10, 15)]
    expected, _ = clip_vector(MeanLevel(), frames, window=10, hop=10)
    np.testing.assert_array_equal(vector, expected)
