"""Audio CNN f_a: the network of Kumar et al., its training on seen classes, its files."""

from models.audio_cnn.files import load_audio_cnn, load_original, open_audio_cnn, save_audio_cnn
from models.audio_cnn.fit import fit_audio_cnn
from models.audio_cnn.frames import LogMelRow, MappedLogMels, lay_out
from models.audio_cnn.network import N_MELS, WIDTH, AudioCnn, LogMels
from models.audio_cnn.passes import AudioCnnPass, as_csv, best_of
from models.audio_cnn.training import AudioCnnTraining
from models.audio_cnn.validation import HeldOut

__all__ = [
    "N_MELS",
    "WIDTH",
    "AudioCnn",
    "AudioCnnPass",
    "AudioCnnTraining",
    "HeldOut",
    "LogMelRow",
    "LogMels",
    "MappedLogMels",
    "as_csv",
    "best_of",
    "fit_audio_cnn",
    "lay_out",
    "load_audio_cnn",
    "load_original",
    "open_audio_cnn",
    "save_audio_cnn",
]
