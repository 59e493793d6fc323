import numpy as np
import pytest

from extractors.log_mel import LogMelConfig, log_mel
from extractors.media.inspection import inspect
from extractors.media.reading import CentreCrop, PictureConfig, read_frames, read_sound
from extractors.media.synthetic import SyntheticConfig, render_clip

PICTURES = PictureConfig(8.0, CentreCrop(64, 64))


def told(path):
    """Mean spectrum of the sound, and the mean colours and roughness of the pictures."""
    frames = read_frames(path, PICTURES).astype(np.float32) / 255
    grain = np.abs(np.diff(frames, axis=2)).mean()
    return log_mel(read_sound(path), LogMelConfig()).mean(axis=0), np.r_[frames.mean(axis=(0, 1, 2)), grain]


def test_a_clip_has_sound_and_picture_of_the_length_asked_for(tmp_path):
    path = render_clip(tmp_path / "clips" / "a.mp4", np.zeros(8), seed=0, duration_s=4.0)
    facts = inspect(path, 4.0)
    assert (facts.video_codec, facts.audio_codec, facts.flags) == ("h264", "aac", ())
    assert facts.duration_s == pytest.approx(4.0, abs=0.2)
    assert len(read_sound(path)) / 16_000 == pytest.approx(4.0, abs=0.2)
    assert len(read_frames(path, PICTURES)) == 32
    assert [file.name for file in path.parent.iterdir()] == ["a.mp4"]


def test_the_same_arguments_give_the_same_clip(tmp_path):
    style = np.array([0.5, -1.0, 1.5])
    first, second = (render_clip(tmp_path / n, style, seed=3, duration_s=2.0) for n in ("1.mp4", "2.mp4"))
    np.testing.assert_array_equal(read_sound(first), read_sound(second))
    np.testing.assert_array_equal(read_frames(first, PICTURES), read_frames(second, PICTURES))


def test_the_seed_changes_the_clip(tmp_path):
    first, second = (render_clip(tmp_path / f"{s}.mp4", np.zeros(8), seed=s, duration_s=2.0) for s in (1, 2))
    assert np.abs(read_sound(first) - read_sound(second)).mean() > 0.01
    assert np.abs(read_frames(first, PICTURES).astype(int) - read_frames(second, PICTURES)).mean() > 5


def test_styles_near_each_other_are_alike_and_far_ones_are_not(tmp_path):
    """This is what carries a model from seen styles to unseen ones; it holds for sound and picture."""
    still = SyntheticConfig(spread=0.0)
    rng = np.random.default_rng(0)
    base, direction = rng.uniform(-0.7, 0.7, 8), rng.choice([-1.0, 1.0], 8)
    clips = [
        told(
            render_clip(
                tmp_path / f"{step}.mp4", base + step * direction, seed=1, duration_s=2.0, config=still
            )
        )
        for step in (0.0, 0.1, 0.4, 1.3)
    ]
    for modality in (0, 1):
        near, middle, far = (np.linalg.norm(clip[modality] - clips[0][modality]) for clip in clips[1:])
        assert near < middle < far


@pytest.mark.parametrize("number", range(8))
def test_every_number_of_a_style_is_seen_and_heard(tmp_path, number):
    still = SyntheticConfig(spread=0.0)
    low, high = np.zeros(8), np.zeros(8)
    low[number], high[number] = -1.5, 1.5
    paths = [
        render_clip(tmp_path / f"{i}.mp4", style, seed=5, duration_s=2.0, config=still)
        for i, style in enumerate((low, high))
    ]
    sounds = [log_mel(read_sound(path), LogMelConfig()) for path in paths]
    pictures = [read_frames(path, PICTURES).astype(int) for path in paths]
    assert np.abs(sounds[0] - sounds[1]).mean() > 0.05
    assert np.abs(pictures[0] - pictures[1]).mean() > 5
