"""Training CJME: class-balanced pairs, the losses summed, the best state on val kept."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.training_set import SeenClips
from models.cjme.losses import (
    Sign,
    agreement_loss,
    attention_loss,
    attention_target,
    joint_loss,
    triplet_losses,
)
from models.cjme.network import Cjme, CjmeConfig, check_widths
from models.sampling import ClassBalanced, class_balanced


@dataclass(frozen=True, slots=True)
class CjmeTraining:
    """How CJME is trained; defaults are preset `paper`, their grounds are in docs/paper.md."""

    margin: float = 1.0  # delta of eq. 1 and 2
    gamma: float = 1.0
    lambda_: float = 1.0
    xi: float = 0.1
    sign: Sign = "fixed"
    learning_rate: float = 1e-3
    decay_every: int = 30  # passes
    decay_factor: float = 0.1
    batch_size: int = 1024
    passes: int = 100
    patience: int = 20  # passes without a better val before training stops


@dataclass(frozen=True, slots=True)
class CjmePass:
    """What one pass over the training clips came to."""

    number: int
    loss: float
    decided_share: float  # of clips for which eq. 7 prefers a modality
    text_spread: float  # mean distance of class embeddings from their mean; near 0 the space has collapsed
    val: float | None


def fit_cjme(
    seen: SeenClips,
    class_vectors: Float[np.ndarray, "n_classes text_width"],
    config: CjmeConfig | None = None,
    training: CjmeTraining | None = None,
    *,
    seed: int,
    validate: Callable[[Cjme], float] | None,
    on_pass: Callable[[CjmePass], None] | None = None,
    device: str = "cpu",
) -> Cjme:
    """Fit CJME on clips of seen classes, L_attn = L (eq. 4) + L_CE-alpha (eq. 7).

    Args:
        seen: the only clips it learns from.
        class_vectors: one row a class of the class table; only rows of seen classes are looked at.
        config: shape of the network.
        training: how to train it.
        seed: of the first weights, of dropout and of the pairs drawn.
        validate: what to maximise over passes, higher is better; None keeps the last pass.
        on_pass: told about every pass.
        device: where the model is trained and stays.

    Raises:
        SetupError: widths do not fit, fewer than two classes have clips, or training diverged.
    """
    config, training = config or CjmeConfig(), training or CjmeTraining()
    check_widths(config, seen.clips, class_vectors)
    _check_rows(seen, class_vectors)
    # Dropout and first weights know the global generator only; the fork gives it back as it was.
    with torch.random.fork_rng(devices=[device] if torch.device(device).type == "cuda" else []):
        torch.manual_seed(seed)
        model = Cjme(config).to(device)
        data = _Data.of(seen, class_vectors, device)
        return _fit(model, data, training, torch.Generator().manual_seed(seed), validate, on_pass)


@dataclass(frozen=True, slots=True)
class _Data:
    """The training clips as tensors; labels count the seen classes only."""

    audio: Float[Tensor, "n audio_width"]
    video: Float[Tensor, "n video_width"]
    labels: Int[Tensor, " n"]
    class_vectors: Float[Tensor, "n_seen text_width"]
    sampler: ClassBalanced

    @staticmethod
    def of(seen: SeenClips, class_vectors: Float[np.ndarray, "n_classes text_width"], device: str) -> "_Data":
        mask = seen.labels.classes.seen_mask
        among_seen = torch.from_numpy((np.cumsum(mask) - 1)[seen.labels.indices])
        audio, video, vectors = (
            torch.as_tensor(rows, dtype=torch.float32, device=device)
            for rows in (seen.clips.audio, seen.clips.video, class_vectors[mask])
        )
        return _Data(audio, video, among_seen.to(device), vectors, class_balanced(among_seen))


def _fit(
    model: Cjme,
    data: _Data,
    training: CjmeTraining,
    generator: torch.Generator,
    validate: Callable[[Cjme], float] | None,
    on_pass: Callable[[CjmePass], None] | None,
) -> Cjme:
    optimiser = torch.optim.Adam(model.parameters(), lr=training.learning_rate)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, training.decay_every, training.decay_factor)
    best, best_pass, best_state = -math.inf, 0, copy.deepcopy(model.state_dict())
    for number in range(1, training.passes + 1):
        loss, decided = _one_pass(model, data, training, optimiser, generator)
        if not math.isfinite(loss):
            raise SetupError(
                f"training diverged in pass {number} (loss is {loss}); "
                f"lower learning_rate, now {training.learning_rate}"
            )
        schedule.step()
        val = validate(model) if validate else None
        if on_pass:
            on_pass(CjmePass(number, loss, decided, _text_spread(model, data), val))
        if val is None or val > best:
            best = best if val is None else val
            best_pass, best_state = number, copy.deepcopy(model.state_dict())
        elif number - best_pass >= training.patience:
            break
    model.load_state_dict(best_state)
    return model


def _one_pass(
    model: Cjme,
    data: _Data,
    training: CjmeTraining,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
) -> tuple[float, float]:
    """Train on as many drawn pairs as there are clips; mean loss and share of decided clips."""
    n_clips = len(data.labels)
    batch_size = min(training.batch_size, n_clips)
    losses, decided = [], []
    model.train()
    for _ in range(math.ceil(n_clips / batch_size)):
        p, q = (index.to(data.audio.device) for index in data.sampler.draw_pairs(batch_size, generator))
        loss, target = _losses(model, data, p, q, training)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        losses.append(loss.detach())
        decided.append((target != 0.5).float().mean())
    model.eval()
    return float(torch.stack(losses).mean()), float(torch.stack(decided).mean())


def _losses(
    model: Cjme, data: _Data, p: Int[Tensor, " n"], q: Int[Tensor, " n"], training: CjmeTraining
) -> tuple[Float[Tensor, ""], Float[Tensor, " n"]]:
    """L_attn of a batch of pairs, and the target of its attention."""
    audio_p, video_p, logits = model(data.audio[p], data.video[p])
    audio_q, video_q, _ = model(data.audio[q], data.video[q])
    classes = model.embed_text(data.class_vectors)
    text_p = classes[data.labels[p]]
    target = attention_target(audio_p, video_p, classes, xi=training.xi, sign=training.sign)
    joint = joint_loss(
        triplet_losses(audio_p, audio_q, text_p, training.margin),
        triplet_losses(video_p, video_q, text_p, training.margin),
        torch.sigmoid(logits),
        agreement_loss(audio_p, video_p),
        gamma=training.gamma,
        lambda_=training.lambda_,
    )
    return joint + attention_loss(logits, target), target


@torch.inference_mode()
def _text_spread(model: Cjme, data: _Data) -> float:
    classes = model.embed_text(data.class_vectors)
    return float(torch.linalg.vector_norm(classes - classes.mean(0), dim=1).mean())


def _check_rows(seen: SeenClips, class_vectors: Float[np.ndarray, "n_classes text_width"]) -> None:
    n_classes = len(seen.labels.classes.names)
    if len(class_vectors) != n_classes:
        raise SetupError(f"{len(class_vectors)} class vectors for {n_classes} classes; give one row a class")
