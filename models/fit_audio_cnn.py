"""Training the audio CNN: random crops of clips of seen classes, every class equally often."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import SeenLabels
from models.audio_cnn import N_MELS, SHORTEST_FRAMES, AudioCnn, at_least
from models.sampling import ClassBalanced, class_balanced

SMALLEST_STD = 1e-3  # of a mel band that never changes


@dataclass(frozen=True, slots=True)
class AudioCnnTraining:
    """How the audio CNN is trained; the paper says only on what."""

    crop_frames: int = 250  # 2.5 s of hops of 10 ms: a quarter of the cost of whole clips
    batch_size: int = 32
    passes: int = 10
    learning_rate: float = 1e-3
    settling_batches: int = 8  # to measure batch normalisation anew at the end; 0 keeps the running means


@dataclass(frozen=True, slots=True)
class AudioCnnPass:
    """What one pass over the training clips came to."""

    number: int
    loss: float
    accuracy: float  # on the crops while training on them


def fit_audio_cnn(
    log_mels: Sequence[Float[np.ndarray, "_ 64"]],
    labels: SeenLabels,
    training: AudioCnnTraining | None = None,
    *,
    seed: int,
    on_pass: Callable[[AudioCnnPass], None] | None = None,
    device: str = "cpu",
) -> AudioCnn:
    """Fit the audio CNN to tell the seen classes that have clips apart, by softmax cross-entropy.

    Seen only, because sound features that know the unseen classes would break the zero-shot condition
    before CJME starts.

    Raises:
        SetupError: clips and labels differ in number, fewer than two classes have clips, crops are too
            short for the network, or training diverged.
    """
    training = training or AudioCnnTraining()
    if len(log_mels) != len(labels):
        raise SetupError(f"{len(log_mels)} log-mels but {len(labels)} labels; give one each")
    if training.crop_frames < SHORTEST_FRAMES:
        raise SetupError(
            f"crop_frames is {training.crop_frames}, the network needs {SHORTEST_FRAMES} or more"
        )
    present, targets = np.unique(labels.indices, return_inverse=True)
    sampler = class_balanced(torch.from_numpy(targets))
    # First weights know the global generator only; the fork gives it back as it was.
    with torch.random.fork_rng(devices=[device] if torch.device(device).type == "cuda" else []):
        torch.manual_seed(seed)
        model = AudioCnn(tuple(labels.classes.names[index] for index in present))
    _normalise_like(model, log_mels)
    model.to(device).to(memory_format=torch.channels_last)
    return _fit(model, log_mels, torch.from_numpy(targets), sampler, training, seed, on_pass)


def _fit(
    model: AudioCnn,
    log_mels: Sequence[Float[np.ndarray, "_ 64"]],
    targets: Int[Tensor, " n_clips"],
    sampler: ClassBalanced,
    training: AudioCnnTraining,
    seed: int,
    on_pass: Callable[[AudioCnnPass], None] | None,
) -> AudioCnn:
    generator, device = torch.Generator().manual_seed(seed), model.mel_mean.device
    optimiser = torch.optim.Adam(model.parameters(), lr=training.learning_rate)
    batch_size = min(training.batch_size, len(targets))
    for number in range(1, training.passes + 1):
        losses, hits = [], []
        model.train()
        for _ in range(math.ceil(len(targets) / batch_size)):
            clips = sampler.draw(batch_size, generator)
            logits = model(_crops(log_mels, clips, training.crop_frames, generator).to(device))
            wanted = targets[clips].to(device)
            loss = cross_entropy(logits, wanted)
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            optimiser.step()
            losses.append(float(loss.detach()))
            hits.append(float((logits.argmax(1) == wanted).float().mean()))
        _check_finite(float(np.mean(losses)), number, training)
        if on_pass:
            on_pass(AudioCnnPass(number, float(np.mean(losses)), float(np.mean(hits))))
    draws = [sampler.draw(batch_size, generator) for _ in range(training.settling_batches)]
    if draws:
        _settle(model, (_crops(log_mels, d, training.crop_frames, generator).to(device) for d in draws))
    return model.eval()


@torch.no_grad()
def _settle(model: AudioCnn, batches: Iterable[Float[Tensor, "n n_frames 64"]]) -> None:
    """Measure the statistics of batch normalisation anew, as plain means over some batches.

    The running ones trail the weights: after a short training on few clips they are still those of
    the first steps, and the network is right on every clip while training and on none afterwards.
    """
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's word for a plain mean
    model.train()
    for batch in batches:
        model(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _crops(
    log_mels: Sequence[Float[np.ndarray, "_ 64"]],
    clips: Int[Tensor, " n"],
    n_frames: int,
    generator: torch.Generator,
) -> Float[Tensor, "n n_frames 64"]:
    """Cut a stretch from a random place of each of these clips; a short clip is repeated."""
    crops = []
    for clip in clips.tolist():
        long_enough = at_least(log_mels[clip], n_frames)
        start = int(torch.randint(len(long_enough) - n_frames + 1, (1,), generator=generator))
        crops.append(long_enough[start : start + n_frames])
    return torch.from_numpy(np.stack(crops).astype(np.float32))


def _normalise_like(model: AudioCnn, log_mels: Sequence[Float[np.ndarray, "_ 64"]]) -> None:
    """Keep mean and deviation of each mel band over the training clips in the network."""
    total, squares, n_frames = np.zeros(N_MELS), np.zeros(N_MELS), 0
    for log_mel in log_mels:
        rows = at_least(log_mel, 1).astype(np.float64)  # refuses a clip without a frame
        total += rows.sum(0)
        squares += np.square(rows).sum(0)
        n_frames += len(rows)
    mean = total / n_frames
    std = np.sqrt(np.maximum(squares / n_frames - np.square(mean), SMALLEST_STD**2))
    model.mel_mean.copy_(torch.from_numpy(mean))
    model.mel_std.copy_(torch.from_numpy(std))


def _check_finite(loss: float, number: int, training: AudioCnnTraining) -> None:
    if not math.isfinite(loss):
        raise SetupError(
            f"training diverged in pass {number} (loss is {loss}); "
            f"lower learning_rate, now {training.learning_rate}"
        )
