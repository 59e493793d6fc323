"""Presets: the sizes and settings of a whole run, by name."""

from dataclasses import dataclass, field

from audiosetzsl.blocks import BLOCK_SIZE
from audiosetzsl.errors import SetupError
from extractors.video.nets import VideoConfig
from models.audio_cnn import AudioCnnTraining
from models.cjme import CjmeTraining
from models.training import Optimising


@dataclass(frozen=True, slots=True)
class Preset:
    """Settings of every stage; the defaults are the paper's where it says, and ours where it is silent."""

    per_class: int | None = None  # segments of each class that a sample takes; None takes the whole manifest
    block_size: int = BLOCK_SIZE
    video: VideoConfig = field(default_factory=VideoConfig)
    audio: AudioCnnTraining = field(default_factory=AudioCnnTraining)
    cjme: CjmeTraining = field(default_factory=CjmeTraining)


PRESETS = {
    "paper": Preset(),
    # Small pictures, few windows, few passes: everything runs for real in minutes on two cores.
    "demo": Preset(
        per_class=12,
        block_size=32,
        video=VideoConfig(weights="random:0", size=64, short_side=64, fps=2.0, window=20, hop=20),
        audio=AudioCnnTraining(crop_frames=128, passes=8),
        cjme=CjmeTraining(optimising=Optimising(passes=60, decay_at=(40,))),
    ),
}


def preset(name: str) -> Preset:
    """Look up a preset.

    Raises:
        SetupError: there is none of this name.
    """
    if name not in PRESETS:
        raise SetupError(f"there is no preset {name!r}, expected one of {', '.join(PRESETS)}")
    return PRESETS[name]
