"""L_attn of a whole batch, drawn and put together, against a twin that goes clip by clip."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from audiosetzsl.evaluation.training_set import ClassTable, SeenLabels
from models.cjme import Cjme, CjmeConfig, CjmeTraining
from models.cjme.fit import _Lesson
from models.cjme.start import SeenColumns
from models.training import ALONE, Optimising, Share

CONFIG = CjmeConfig(6, 5, 4, hidden=8, width=3, dropout=0.0, attention_hidden=4)
TABLE = ClassTable(tuple("abcdef"), (True, False, True, True, True, False))
COUNTS = {"a": 7, "c": 2, "d": 4, "e": 11}
BATCH, WHOLE = 12, Share()
HOW = {"gamma": 0.7, "lambda_": 1.3, "margin": 0.4, "xi": 0.02, "optimising": Optimising(batch_size=BATCH)}


def lesson_of(config=CONFIG, **training):
    """A network in training and what it learns from, all in double precision."""
    draw = np.random.default_rng(0)
    names = tuple(draw.permutation([name for name, n in COUNTS.items() for _ in range(n)]).tolist())
    vectors = draw.normal(size=(len(TABLE.names), config.text_width)).astype(np.float32)
    labels = SeenLabels(names, ("train",) * len(names), TABLE)
    columns = SeenColumns.of(labels, vectors, ALONE.device)
    torch.manual_seed(7)
    model = Cjme(config).double().train()
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(2)  # so that clips differ enough for eq. 7 to decide either way
    audio, video = (
        torch.from_numpy(draw.normal(size=(len(names), width)))
        for width in (config.audio_width, config.video_width)
    )
    columns = replace(columns, vectors=columns.vectors.double())
    return _Lesson(model, audio, video, columns, CjmeTraining(**HOW, **training))


def slow_mean(values):
    values = list(values)
    return sum(values) / len(values)


def slow_embedded(lesson, clip):
    """Audio, video and alpha of one clip, layer by layer."""
    weights = dict(lesson.model.named_parameters())
    embedded = []
    for name, rows in (("audio", lesson.audio), ("video", lesson.video)):
        hidden = (weights[f"{name}.0.weight"] @ rows[clip] + weights[f"{name}.0.bias"]).clamp(min=0)
        embedded.append(weights[f"{name}.3.weight"] @ hidden + weights[f"{name}.3.bias"])
    if not lesson.model.attention:
        return *embedded, torch.tensor(0.5, dtype=torch.float64)
    both = torch.cat([lesson.audio[clip], lesson.video[clip]])
    hidden = (weights["attention.first.weight"] @ both + weights["attention.first.bias"]).clamp(min=0)
    (logit,) = weights["attention.last.weight"] @ hidden + weights["attention.last.bias"]
    return *embedded, 1 / (1 + torch.exp(-logit))


def slow_classes(lesson):
    weights = dict(lesson.model.named_parameters())
    units = [vector / sum(x * x for x in vector) ** 0.5 for vector in lesson.columns.vectors]
    return [weights["text.weight"] @ unit + weights["text.bias"] for unit in units]


def apart(one, other):
    return sum((x - y) ** 2 for x, y in zip(one, other, strict=True)) ** 0.5


def slow_entropy(clip, classes):
    inverse = [1 / apart(clip, c) for c in classes]
    shares = [i / sum(inverse) for i in inverse]
    return -sum(s * torch.log(s) for s in shares)


def slow_triplets(lesson, clips, negatives, made, modality):
    """Eq. 1 or 2 of each clip p, as the mean over its clips q."""
    classes, labels = slow_classes(lesson), lesson.columns.labels.tolist()
    losses = []
    for p, qs in zip(clips, negatives, strict=True):
        own = classes[labels[p]]
        near, fars = apart(made[p][modality], own), [apart(made[q][modality], own) for q in qs]
        losses.append(slow_mean((near - far + lesson.training.margin).clamp(min=0) for far in fars))
    return losses


def slow_target(lesson, audio, video):
    """Eq. 7 of one clip."""
    classes, training = slow_classes(lesson), lesson.training
    lead = (slow_entropy(audio, classes) - slow_entropy(video, classes)).item()
    lead = lead if training.sign == "fixed" else -lead
    return 1.0 if lead > training.xi else 0.0 if lead < -training.xi else 0.5


def slow_attention(kind, alpha, y):
    if kind == "mse":
        return (alpha - y) ** 2
    return -(y * torch.log(alpha) + (1 - y) * torch.log(1 - alpha))


def slow_parts(lesson, clips, negatives):
    """L_AV, L_TA and L_TV of each clip p, its alpha and its target."""
    training = lesson.training
    made = {clip: slow_embedded(lesson, clip) for clip in {*clips, *(q for qs in negatives for q in qs)}}
    agreeing = clips
    if training.negatives == "pairs" and training.agreement_of == "p and q":
        agreeing = [*clips, *(q for (q,) in negatives)]
    over = sum if training.agreement == "sum" else slow_mean
    l_av = slow_mean(over((made[clip][0] - made[clip][1]) ** 2) for clip in agreeing)
    l_ta, l_tv = (slow_triplets(lesson, clips, negatives, made, modality) for modality in (0, 1))
    targets = [slow_target(lesson, *made[p][:2]) for p in clips]
    assert set(targets) == {0.0, 0.5, 1.0}  # or a test would be blind to one of them
    return l_av, l_ta, l_tv, [made[p][2] for p in clips], targets


def slow_l_attn(lesson, clips, negatives):
    """lambda L_AV + gamma mean(alpha L_TV + (1 - alpha) L_TA) + L_CE of the losses that are on; what is told."""
    training, on, classes = lesson.training, lesson.training.losses, slow_classes(lesson)
    l_av, l_ta, l_tv, alphas, targets = slow_parts(lesson, clips, negatives)
    told = {
        "agreement": l_av,
        "audio_triplets": slow_mean(l_ta),
        "video_triplets": slow_mean(l_tv),
        "decided": torch.tensor(slow_mean(float(y != 0.5) for y in targets), dtype=torch.float64),
        "alpha": slow_mean(alphas),
        "text_spread": slow_mean(apart(c, slow_mean(classes)) for c in classes),
    }
    loss = training.lambda_ * l_av if "AV" in on else 0.0
    if "TA" in on and "TV" in on:
        weighed = [a * video + (1 - a) * audio for a, audio, video in zip(alphas, l_ta, l_tv, strict=True)]
        loss = loss + training.gamma * slow_mean(weighed)
    else:
        loss = loss + training.gamma * 0.5 * slow_mean(l_ta if "TA" in on else l_tv)
    if lesson.model.attention:
        each = [slow_attention(training.attention_loss, a, y) for a, y in zip(alphas, targets, strict=True)]
        told["attention"] = slow_mean(each)
        loss = loss + told["attention"]
    return loss, {name: value.detach() for name, value in told.items()}


def drawn(lesson, seed, share):
    """Clips p, and the clips q of each: the share of what is drawn."""
    generator, sampler = torch.Generator().manual_seed(seed), lesson.columns.sampler
    if lesson.training.negatives == "pairs":
        p, q = (clips.tolist()[share.index :: share.of] for clips in sampler.draw_pairs(BATCH, generator))
        return p, [[one] for one in q]
    clips = sampler.draw_evenly(BATCH, generator).tolist()[share.index :: share.of]
    labels = lesson.columns.labels.tolist()
    return clips, [[q for q in clips if labels[q] != labels[p]] for p in clips]


def gradients(loss, model):
    found = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
    return {
        name: torch.zeros_like(weight) if gradient is None else gradient
        for (name, weight), gradient in zip(model.named_parameters(), found, strict=True)
    }


def check(lesson, share=WHOLE):
    step = lesson.on_batch if lesson.training.negatives == "batch" else lesson.on_pairs
    made = step(torch.Generator().manual_seed(5), share)
    loss, told = slow_l_attn(lesson, *drawn(lesson, 5, share))
    torch.testing.assert_close(made.loss, loss)
    torch.testing.assert_close(dict(made.told), told)
    torch.testing.assert_close(gradients(made.loss, lesson.model), gradients(loss, lesson.model))


@pytest.mark.parametrize(
    "losses", [("AV", "TA", "TV"), ("TA", "TV"), ("AV", "TA"), ("AV", "TV"), ("TA",), ("TV",)]
)
@pytest.mark.parametrize("attention_loss", ["bce", "mse"])
@pytest.mark.parametrize(
    ("negatives", "agreement_of"),
    [("batch", "p"), ("batch", "p and q"), ("pairs", "p"), ("pairs", "p and q")],
)
def test_a_batch_and_its_gradients_are_those_of_its_clips(losses, attention_loss, negatives, agreement_of):
    how = {"attention_loss": attention_loss, "negatives": negatives, "agreement_of": agreement_of}
    check(lesson_of(losses=losses, **how))


@pytest.mark.parametrize("negatives", ["batch", "pairs"])
def test_so_they_are_where_the_equations_are_as_printed(negatives):
    check(lesson_of(negatives=negatives, agreement="sum", sign="as_printed"))


@pytest.mark.parametrize("negatives", ["batch", "pairs"])
def test_so_they_are_without_attention(negatives):
    check(lesson_of(replace(CONFIG, attention=False), negatives=negatives))


@pytest.mark.parametrize("negatives", ["batch", "pairs"])
def test_so_they_are_of_one_devices_share(negatives):
    check(lesson_of(negatives=negatives, agreement_of="p and q"), Share(1, 2))
