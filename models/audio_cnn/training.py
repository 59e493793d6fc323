"""How the audio CNN is trained: every setting of it, in one value."""

import math
from dataclasses import dataclass

from audiosetzsl.errors import SetupError
from models.audio_cnn.losses import LOSSES
from models.audio_cnn.network import LAST_POOL, SHORTEST_FRAMES

SCHEDULES = ("cosine", "constant")
PRECISIONS = ("fp32", "bf16")
# Least and most of the settings that count something; the most is far beyond use, and ends before the memory does.
WHOLE_NUMBERS = {
    "crop_frames": (SHORTEST_FRAMES, 30_000),  # clips of more than 300 s are refused
    "batch_size": (2, 100_000),
    "passes": (1, 1_000_000),
    "patience": (1, 1_000_000),
    "settling_batches": (0, 1_000_000),
    "freq_masks": (0, 100),
    "freq_width": (1, max(LAST_POOL) - 1),  # of so many bands; how many there are, `check_bands` asks
    "time_masks": (0, 100),
    "time_width": (1, 30_000),
}
FREQ_WIDTH, TIME_WIDTH = 8, 64
LEAST_MIXUP = 0.01  # where 19 of 20 clips are left as they are, or exchanged for another
MOST_MIXUP = 100  # where every share is near a half; in the millions, numbers run out of digits
MOST_LEARNING_RATE = 1e30  # any training diverges long before; torch has no number for 1e39


@dataclass(frozen=True, slots=True)
class AudioCnnTraining:
    """How the audio CNN is trained. The paper says on what (train clips of its dataset), and nothing of how.

    What we took where it is silent: softmax, because a clip has exactly one class (`sigmoid` is the original's);
    every class equally often, because the largest has 130 times the clips of the smallest; random crops, a quarter
    of the cost of whole clips; Adam with a cosine; the pass with the best mAP on val clips of seen classes is kept.
    Masks and mixup are off unless asked for.
    """

    loss: str = "softmax"
    crop_frames: int = 250  # 2.5 s of hops of 10 ms
    batch_size: int = 32
    passes: int = 20  # at most; one draws as many crops as there are clips
    patience: int = 6  # passes without a better val before training stops
    learning_rate: float = 1e-3  # of Adam, at the start
    schedule: str = "cosine"  # down to 0 at the last pass, or constant
    settling_batches: int = 8  # to measure batch normalisation anew after a pass; 0 keeps the running means
    freq_masks: int = 0  # SpecAugment: how many, and bands of the widest
    freq_width: int = FREQ_WIDTH
    time_masks: int = 0  # SpecAugment: how many, and frames of the longest
    time_width: int = TIME_WIDTH
    mixup: float = 0.0  # both parameters of the Beta distribution; 0 mixes nothing
    precision: str = "fp32"  # bf16 is faster on a GPU, and slower on most CPUs

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, before hours are spent on it.

        Raises:
            SetupError: a name is unknown, or a number is out of its range.
        """
        for name, known in (("loss", LOSSES), ("schedule", SCHEDULES), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise SetupError(f"{name} is {getattr(self, name)!r}, expected one of {', '.join(known)}")
        for name, (least, most) in WHOLE_NUMBERS.items():
            value = getattr(self, name)
            if not least <= value <= most:
                raise SetupError(f"{name} is {value}, expected a whole number from {least:,} to {most:,}")
        if self.time_width >= self.crop_frames:
            raise SetupError(
                f"time_width is {self.time_width}, expected fewer frames than those of a crop, {self.crop_frames}"
            )
        _check_masked("freq_masks", self.freq_masks, "freq_width", self.freq_width, FREQ_WIDTH)
        _check_masked("time_masks", self.time_masks, "time_width", self.time_width, TIME_WIDTH)
        # Put so that NaN, which is neither more nor less than anything, is refused too.
        if self.mixup != 0 and not LEAST_MIXUP <= self.mixup <= MOST_MIXUP:
            raise SetupError(
                f"mixup is {self.mixup}, expected 0, or {LEAST_MIXUP} to {MOST_MIXUP}, such as 0.2"
            )
        if not 0 < self.learning_rate <= MOST_LEARNING_RATE:
            raise SetupError(
                f"learning_rate is {self.learning_rate}, expected more than 0 and at most {MOST_LEARNING_RATE:.0e}, "
                "such as 0.001"
            )


def _check_masked(masks: str, n_masks: int, width: str, widest: int, usual: int) -> None:
    """Refuse a width of no mask: it would be another training, of hours, that ends in the same network."""
    if not n_masks and widest != usual:
        raise SetupError(
            f"{width} is {widest}, but {masks} is 0, so nothing is masked; set {masks} too, "
            f"or leave {width} at {usual}"
        )


def check_bands(training: AudioCnnTraining, n_mels: int) -> None:
    """Hold the masks to the log-mels that they are laid over.

    Raises:
        SetupError: one may hide every band.
    """
    if training.freq_width >= n_mels:
        raise SetupError(f"freq_width is {training.freq_width}, expected fewer than the {n_mels} mel bands")


def learning_rate_at(training: AudioCnnTraining, done: float) -> float:
    """Learning rate when a share of all passes is done: half a cosine (Loshchilov and Hutter, ICLR 2017)."""
    if training.schedule == "constant":
        return training.learning_rate
    return training.learning_rate * (1 + math.cos(math.pi * done)) / 2
