"""Training the audio CNN: the pass that is best on held-out clips is kept; who is killed goes on later."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor, nn

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import SeenLabels
from models.audio_cnn.batches import SeenSounds, augmented
from models.audio_cnn.losses import LOSSES
from models.audio_cnn.network import AudioCnn, LogMels
from models.audio_cnn.passes import AudioCnnPass, best_of, is_over
from models.audio_cnn.progress import Run, resume_run, save_run
from models.audio_cnn.training import AudioCnnTraining, check_bands, learning_rate_at
from models.audio_cnn.validation import HeldOut, validate


def fit_audio_cnn(
    log_mels: LogMels,
    labels: SeenLabels,
    training: AudioCnnTraining | None = None,
    *,
    seed: int,
    held_out: HeldOut | None = None,
    resume_at: Path | None = None,
    on_pass: Callable[[AudioCnnPass], None] | None = None,
    device: str = "cpu",
) -> AudioCnn:
    """Fit the audio CNN to tell the seen classes that have clips apart.

    Seen only, because sound features that know the unseen classes would break the zero-shot condition
    before CJME starts.

    Args:
        log_mels: the only clips it learns from, in any precision; read a crop at a time, so a mapped file will do.
        labels: their classes, seen, and their split, train.
        training: how to train.
        seed: of the first weights, and of all that is drawn.
        held_out: clips that decide which pass is kept and when to stop; None keeps the last pass.
        resume_at: file that keeps the progress after every pass; where it is there already, training goes on from it.
        on_pass: told about every pass, those before a resumption too.
        device: where the network is trained and stays.

    Raises:
        SetupError: clips and labels do not fit together, fewer than two classes have clips, the log-mels have no
            number of bands that the network takes or fewer than a mask may hide, no held-out clip is of a class
            trained on, the progress is of another training, or training diverged.
        ClipError: a clip has no frame.
    """
    training, sounds = training or AudioCnnTraining(), SeenSounds.of(log_mels, labels)
    check_bands(training, sounds.log_mels[0].shape[1])
    judges = held_out.known_to(sounds.class_names) if held_out else None
    run, tell = Run.of(_begun(sounds, seed, torch.device(device)), seed), on_pass or (lambda _: None)
    made_of = {"training": asdict(training), "seed": seed, "classes": list(sounds.class_names)}
    made_of |= {"clips": len(sounds), "held_out": len(judges) if judges else 0}
    if resume_at and resume_at.is_file():
        resume_run(run, resume_at, made_of)
        for done in run.passes:
            tell(done)
    else:
        run.model.normalise(*sounds.mel_statistics())
    while not is_over(run.passes, training):
        done = _one_pass(run, sounds, training, judges)
        if told := _not_finite(run.model, sounds, done):
            if resume_at:
                resume_at.unlink(missing_ok=True)  # to go on from there could only end here again
            raise SetupError(
                f"training diverged in pass {done.number} ({told}); "
                f"lower learning_rate, now {training.learning_rate}"
            )
        run.passes.append(done)
        if best_of(run.passes) is run.passes[-1]:
            run.best = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}
        if resume_at:
            save_run(run, resume_at, made_of)
        tell(run.passes[-1])
    run.model.load_state_dict(run.best)
    return run.model


def _begun(sounds: SeenSounds, seed: int, device: torch.device) -> AudioCnn:
    """A network with its first weights."""
    # They know the global generator only; the fork gives it back as it was.
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        return AudioCnn(sounds.class_names, sounds.log_mels[0].shape[1]).to(device)


def _one_pass(
    run: Run, sounds: SeenSounds, training: AudioCnnTraining, held_out: HeldOut | None
) -> AudioCnnPass:
    """Train on as many crops as there are clips, then judge the network."""
    began, number = time.monotonic(), len(run.passes) + 1
    batch_size = min(training.batch_size, len(sounds))
    n_steps = math.ceil(len(sounds) / batch_size)
    run.model.train()
    figures, rate = [], training.learning_rate
    for step in range(n_steps):
        rate = learning_rate_at(training, (number - 1 + step / n_steps) / training.passes)
        figures.append(_one_step(run, sounds, training, batch_size, rate))
    loss, accuracy = torch.stack(figures).mean(0).tolist()
    if training.settling_batches:
        _settle(run, sounds, training, batch_size)
    run.model.eval()
    found = validate(run.model, held_out, LOSSES[training.loss]) if held_out else None
    seconds = round(time.monotonic() - began, 3)
    return AudioCnnPass.of(number, loss, accuracy, found, rate, seconds)


def _one_step(
    run: Run, sounds: SeenSounds, training: AudioCnnTraining, batch_size: int, rate: float
) -> Float32[Tensor, " 2"]:
    """One step of Adam; loss and accuracy of its batch."""
    device = run.model.mel_mean.device
    crops, targets = sounds.draw(batch_size, training.crop_frames, run.generator)
    crops, targets = augmented(
        run.model, crops.to(device).float(), targets.to(device), training, run.generator
    )
    with torch.autocast(device.type, torch.bfloat16, enabled=training.precision == "bf16"):
        logits = run.model.segment_logits(crops)
    loss = LOSSES[training.loss].of_clips(logits.float(), targets).mean()
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    run.optimiser.zero_grad()
    torch.autograd.backward(loss)
    run.optimiser.step()
    right = logits.mean(dim=2).argmax(1) == targets.argmax(1)
    return torch.stack([loss.detach(), right.float().mean()])


@torch.no_grad()
def _settle(run: Run, sounds: SeenSounds, training: AudioCnnTraining, batch_size: int) -> None:
    """Measure the statistics of batch normalisation anew, as plain means over some batches.

    The running ones trail the weights: after a short training on few clips they are still those of
    the first steps, and the network is right on every clip while training and on none afterwards.
    """
    norms = [layer for layer in run.model.modules() if isinstance(layer, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # torch's word for a plain mean
    for _ in range(training.settling_batches):
        crops, _ = sounds.draw(batch_size, training.crop_frames, run.generator)
        run.model(crops.to(run.model.mel_mean.device).float())
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _not_finite(model: AudioCnn, sounds: SeenSounds, done: AudioCnnPass) -> str:
    """What is no finite number after a pass: such a network must not be kept, and nothing can be learnt from it."""
    for name, value in (("loss", done.loss), ("val_loss", done.val_loss)):
        if value is not None and not math.isfinite(value):
            return f"{name} is {value}"
    # The last step is in no loss of its pass, and where nothing is held out in no other.
    for name, tensor in model.state_dict().items():
        if not torch.isfinite(tensor).all():
            return f"{name} is not finite"
    # Weights that are finite still may be so large that nothing else is.
    return "" if np.isfinite(model.embed(sounds.log_mels[0])).all() else "vectors are not finite"
