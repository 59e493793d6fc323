"""Tones: log-mels of three classes that anybody can tell apart, each noise with one loud band."""

import numpy as np

from audiosetzsl.evaluation.training_set import ClassTable, SeenLabels
from models.audio_cnn import AudioCnnTraining, HeldOut

# Seen and unseen are mixed, and "hum" has no clip: columns of the table are not those of the head.
TABLE = ClassTable(("low", "roar", "hum", "middle", "high"), (True, False, True, True, True))
BAND = {"low": 8, "middle": 30, "high": 55, "hum": 20, "roar": 40}
QUICK = AudioCnnTraining(crop_frames=128, batch_size=16, passes=1, settling_batches=1)


def tone(name, n_frames, generator):
    """Noise at -8 with one loud mel band, as natural log of magnitude."""
    log_mel = generator.normal(-8, 1, size=(n_frames, 64))
    log_mel[:, BAND[name]] += 6
    return log_mel.astype(np.float16)


def tones(names, seed=0):
    """A clip for each name; some are shorter than the shortest crop."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(60, 200, len(names))
    return [tone(name, int(n), generator) for name, n in zip(names, lengths, strict=True)]


def seen(names):
    """Labels to train on."""
    return SeenLabels(names, ("train",) * len(names), TABLE)


def held_out(names, seed=7):
    """Clips to judge a training by."""
    return HeldOut(tones(names, seed), names, ("val",) * len(names), TABLE)
