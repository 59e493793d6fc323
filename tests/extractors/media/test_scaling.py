import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.nn import functional

from extractors.media.scaling import CentreCrop, plan_of

SIDES = st.integers(1, 400)


def noise(n, height, width):
    """Pixels that differ from all of their neighbours."""
    return np.random.default_rng(0).integers(0, 256, (n, height, width, 3), dtype=np.uint8)


def by_pil(picture, size, short_side):
    """The way that I3D's users go: PIL's bilinear resizing, the long side truncated, the centre."""
    height, width = picture.shape[:2]
    short = min(height, width)
    to = (int(short_side * width / short), int(short_side * height / short))
    scaled = np.asarray(Image.fromarray(picture).resize(to, Image.Resampling.BILINEAR))
    top, left = (to[1] - size) // 2, (to[0] - size) // 2
    return scaled[top : top + size, left : left + size]


def by_torch(pictures, size, short_side):
    """The whole of each picture scaled, and the centre taken afterwards."""
    to = CentreCrop(size, short_side).scaled(*pictures.shape[1:3])
    scaled = functional.interpolate(
        torch.from_numpy(pictures).permute(0, 3, 1, 2), to, mode="bilinear", antialias=True
    )
    top, left = (to[0] - size) // 2, (to[1] - size) // 2
    return scaled[:, :, top : top + size, left : left + size].permute(0, 2, 3, 1).numpy()


@settings(max_examples=300, deadline=None)
@given(SIDES, SIDES, st.integers(1, 64), st.integers(0, 16))
@example(360, 640, 56, 8)
@example(1, 1, 64, 0)
@example(16, 400, 64, 0)
@example(63, 80, 56, 8)
@example(60, 54, 47, 16)
def test_scaling_is_that_of_pil_within_one_level(height, width, size, more):
    """Of noise, the worst there is; single pixels of odd sizes may be off by two, as both round twice."""
    found = CentreCrop(size, size + more)(noise(1, height, width))[0].astype(int)
    assert found.shape == (size, size, 3)
    off = np.abs(found - by_pil(noise(1, height, width)[0], size, size + more))
    assert off.max() <= 2 and (off > 1).sum() <= max(3, 0.001 * off.size)


@pytest.mark.parametrize(
    "height, width",
    [(240, 320), (360, 640), (360, 480), (480, 854), (720, 1280), (720, 406), (181, 321), (224, 224)],
)
def test_usual_sizes_are_scaled_as_by_pil(height, width):
    found = CentreCrop()(noise(1, height, width))[0].astype(int)
    assert np.abs(found - by_pil(noise(1, height, width)[0], 224, 256)).max() <= 1


@settings(max_examples=300, deadline=None)
@given(SIDES, SIDES, st.integers(1, 64), st.integers(0, 16))
@example(360, 640, 56, 8)
@example(144, 256, 60, 0)
@example(63, 63, 56, 8)
@example(1, 2, 1, 1)
def test_leaving_out_what_is_cut_away_changes_nothing(height, width, size, more):
    pictures = noise(2, height, width)
    np.testing.assert_array_equal(
        CentreCrop(size, size + more)(pictures), by_torch(pictures, size, size + more)
    )


def test_nearly_half_of_a_wide_picture_is_left_out():
    """Its 640 x 360 become 455 x 256, in steps of 128 and 91 pixels, and the centre begins at 115."""
    plan = plan_of(CentreCrop(), 360, 640)
    assert (plan.rows, plan.columns) == (slice(0, 339), slice(128, 479))


def test_pictures_are_scaled_each_on_its_own():
    pictures = noise(3, 90, 160)
    crop = CentreCrop(56, 64)
    np.testing.assert_array_equal(crop(pictures), np.concatenate([crop(p[None]) for p in pictures]))


def test_any_function_is_a_scaling_and_sees_whole_pictures():
    def corner(pictures):
        return pictures[:, :8, :8]

    plan = plan_of(corner, 90, 160)
    pictures = noise(1, 90, 160)
    assert pictures[:, plan.rows, plan.columns].shape == pictures.shape
    assert plan.scale_part is corner


def test_a_crop_that_makes_no_picture_is_refused():
    with pytest.raises(ValueError, match=r"size is 224, expected 1 to short_side, which is 128"):
        CentreCrop(short_side=128)
