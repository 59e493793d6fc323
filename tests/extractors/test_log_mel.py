import librosa
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from extractors.log_mel import LogMelConfig, log_mel, mel_matrix, patches
from extractors.media.reading import read_sound

CONFIG = LogMelConfig()


def slow_log_mel(waveform, n_mels=64):
    """From the definition, in float64, one band of one frame at a time."""

    def mel(hz):
        return 1127 * np.log(1 + hz / 700)

    edges = np.linspace(mel(125), mel(7500), n_mels + 2)
    bins = [mel(8000 * i / 256) for i in range(257)]
    window = [0.5 - 0.5 * np.cos(2 * np.pi * i / 400) for i in range(400)]
    slopes = [
        [max(0.0, min((b - low) / (centre - low), (high - b) / (high - centre))) for b in bins[1:]]
        for low, centre, high in zip(edges, edges[1:], edges[2:], strict=False)
    ]
    rows = []
    for start in range(0, len(waveform) - 400 + 1, 160):
        padded = np.zeros(512)
        padded[:400] = waveform[start : start + 400].astype(np.float64) * window
        magnitudes = np.abs(np.fft.rfft(padded))
        row = [sum(m * s for m, s in zip(magnitudes[1:], band, strict=True)) for band in slopes]
        rows.append(np.log(np.array(row) + 0.01))
    return np.array(rows)


@pytest.fixture(scope="module")
def waveform():
    """One second that sweeps, hisses and falls silent."""
    rng = np.random.default_rng(0)
    time_s = np.arange(16_000) / 16_000
    sweep = 0.5 * np.sin(2 * np.pi * (200 + 2000 * time_s) * time_s)
    sound = sweep + 0.1 * rng.standard_normal(16_000)
    sound[10_000:12_000] = 0
    return sound.astype(np.float32)


def librosa_log_mel(waveform):
    """Frames of 400 samples at the start of windows of 512: librosa centres, so 56 zeros go in front."""
    spectrum = librosa.stft(
        np.pad(waveform, 56), n_fft=512, hop_length=160, win_length=400, window="hann", center=False
    )
    return np.log(np.abs(spectrum).T @ mel_matrix(CONFIG) + 0.01)


def test_log_mel_is_what_the_definition_says(waveform):
    found, expected = log_mel(waveform, CONFIG), slow_log_mel(waveform)
    assert found.dtype == np.float32 and found.shape == expected.shape == (98, 64)
    assert np.abs(found - expected).max() <= 5e-4


def test_librosa_agrees_given_the_same_bands(waveform):
    assert np.abs(log_mel(waveform, CONFIG) - librosa_log_mel(waveform)).max() <= 5e-4


def test_silence_is_the_log_of_the_floor():
    np.testing.assert_allclose(log_mel(np.zeros(800, np.float32), CONFIG), np.log(0.01), rtol=1e-6)


def test_a_tone_is_loudest_in_the_band_around_it():
    """1000 Hz is mel 1000; the centre of band 19 is at mel 981 (185.2 + 20 * 39.8), of band 20 at 1021."""
    tone = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000)
    assert (log_mel(tone, CONFIG).argmax(axis=1) == 19).all()


@settings(deadline=None)
@given(st.integers(0, 5000))
@example(399)
@example(400)
@example(560)
@example(160_000)
def test_number_of_frames(n_samples):
    n_frames = 1 + (n_samples - 400) // 160 if n_samples >= 400 else 0
    assert log_mel(np.zeros(n_samples, np.float32), CONFIG).shape == (n_frames, 64)


def test_a_frame_is_made_of_its_own_samples_alone(waveform):
    """Frame i begins at sample 160 i, and what comes after its 400 samples does not move it."""
    whole = log_mel(waveform, CONFIG)
    for i in (0, 41, 97):
        alone = log_mel(waveform[160 * i : 160 * i + 400], CONFIG)
        np.testing.assert_allclose(alone[0], whole[i], atol=1e-6)


def test_another_number_of_bands_is_the_same_definition(waveform):
    """Of 128 bands, the lowest is narrower than the Fourier bins lie apart, and hears nothing."""
    config = LogMelConfig(n_mels=128)
    found = log_mel(waveform[:4000], config)
    assert found.shape == (23, 128)
    assert np.abs(found - slow_log_mel(waveform[:4000], 128)).max() <= 5e-4
    assert np.flatnonzero(~mel_matrix(config).any(axis=0)).tolist() == [0]


def test_ten_seconds_are_ten_patches_in_their_order():
    frames = log_mel(np.random.default_rng(0).standard_normal(160_000).astype(np.float32), CONFIG)
    found = patches(frames)
    assert found.shape == (10, 96, 64) and np.shares_memory(found, frames)
    np.testing.assert_array_equal(found[3], frames[3 * 96 : 4 * 96])


def test_a_patch_takes_15600_samples():
    for n_samples, n_patches in ((15_599, 0), (15_600, 1)):
        assert len(patches(log_mel(np.zeros(n_samples, np.float32), CONFIG))) == n_patches


def test_only_bins_5_to_239_are_heard():
    used = np.flatnonzero(mel_matrix(CONFIG).any(axis=1))
    assert (used[0], used[-1]) == (5, 239)


def test_the_shared_matrix_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        mel_matrix(CONFIG)[0, 0] = 1


def test_bands_beyond_the_sound_are_refused():
    with pytest.raises(
        ValueError, match=r"from 125\.0 to 9000\.0 Hz, expected a range within 0 to 8000\.0 Hz"
    ):
        LogMelConfig(high_hz=9000.0)


@pytest.mark.real
def test_real_clips_are_what_the_definition_says_and_agree_with_librosa(real_data):
    for path in sorted((real_data / "clips").glob("*_vas_*.mp4")):
        sound = read_sound(path)
        found, expected = log_mel(sound, CONFIG), librosa_log_mel(sound)
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= 5e-4
        second = slice(32_000, 48_000)
        assert np.abs(log_mel(sound[second], CONFIG) - slow_log_mel(sound[second])).max() <= 5e-4
