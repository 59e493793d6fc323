"""How the audio CNN is trained: every setting of it, in one value."""

import math
from dataclasses import dataclass

from audiosetzsl.errors import SetupError
from models.audio_cnn.losses import LOSSES
from models.audio_cnn.network import SHORTEST_FRAMES

SCHEDULES = ("cosine", "constant")
PRECISIONS = ("fp32", "bf16")


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
    freq_width: int = 8
    time_masks: int = 0  # SpecAugment: how many, and frames of the longest
    time_width: int = 64
    mixup: float = 0.0  # both parameters of the Beta distribution; 0 mixes nothing
    precision: str = "fp32"  # bf16 is faster on a GPU, and slower on most CPUs

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, before hours are spent on it."""
        for name, known in (("loss", LOSSES), ("schedule", SCHEDULES), ("precision", PRECISIONS)):
            if getattr(self, name) not in known:
                raise SetupError(f"{name} is {getattr(self, name)!r}, expected one of {', '.join(known)}")
        if self.crop_frames < SHORTEST_FRAMES:
            raise SetupError(
                f"crop_frames is {self.crop_frames}, the network needs {SHORTEST_FRAMES} or more"
            )
        least = {"batch_size": 2, "passes": 1, "patience": 1}
        for name in (
            *least,
            "settling_batches",
            "freq_masks",
            "freq_width",
            "time_masks",
            "time_width",
            "mixup",
        ):
            if getattr(self, name) < least.get(name, 0):
                raise SetupError(f"{name} is {getattr(self, name)}, expected {least.get(name, 0)} or more")
        if not 0 < self.learning_rate < math.inf:
            raise SetupError(f"learning_rate is {self.learning_rate}, expected more than 0, such as 0.001")


def learning_rate_at(training: AudioCnnTraining, done: float) -> float:
    """Learning rate when a share of all passes is done: half a cosine (Loshchilov and Hutter, ICLR 2017)."""
    if training.schedule == "constant":
        return training.learning_rate
    return training.learning_rate * (1 + math.cos(math.pi * done)) / 2
