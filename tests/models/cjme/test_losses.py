import math

import pytest
import torch

from models.cjme.losses import (
    agreement_loss,
    attention_loss,
    attention_target,
    class_entropies,
    joint_loss,
    triplet_losses,
)


def random_rows(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rows_of(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_triplets_by_hand():
    # d(x_p, t_p) = 5, d(x_q, t_p) = 1: 5 - 1 + 1; the second pair is right by more than the margin.
    of_class, of_other = rows_of([3.0, 4.0], [0.0, 0.0]), rows_of([1.0, 0.0], [0.0, 2.0])
    losses = triplet_losses(of_class, of_other, torch.zeros(2, 2, dtype=torch.float64), margin=1.0)
    assert losses.tolist() == [5.0, 0.0]


def test_triplets_agree_with_their_twin():
    p, q, t = (random_rows(6, 4, seed=s) for s in range(3))
    slow = [
        max(math.dist(a, c) - math.dist(b, c) + 0.7, 0)
        for a, b, c in zip(p.tolist(), q.tolist(), t.tolist(), strict=True)
    ]
    assert triplet_losses(p, q, t, margin=0.7).tolist() == pytest.approx(slow)


def test_agreement_is_the_mean_over_dimensions_not_the_sum():
    assert agreement_loss(rows_of([1.0, 3.0]), rows_of([0.0, 1.0])).item() == pytest.approx((1 + 4) / 2)


def test_alpha_weights_the_video_triplet_of_each_clip():
    audio, video, alpha = (torch.tensor(v) for v in ([1.0, 2.0], [10.0, 20.0], [0.25, 1.0]))
    loss = joint_loss(audio, video, alpha, torch.tensor(7.0), gamma=2.0, lambda_=3.0)
    by_hand = 3 * 7 + 2 * ((0.25 * 10 + 0.75 * 1) + (1.0 * 20 + 0.0 * 2)) / 2
    assert loss.item() == pytest.approx(by_hand)


def slow_entropy(clip, classes):
    inverse = [1 / max(math.dist(clip, c), 1e-6) for c in classes]
    return -sum(i / sum(inverse) * math.log(i / sum(inverse)) for i in inverse)


def test_entropies_agree_with_their_twin():
    clips, classes = random_rows(5, 3), random_rows(7, 3, seed=1)
    slow = [slow_entropy(clip, classes.tolist()) for clip in clips.tolist()]
    assert class_entropies(clips, classes).tolist() == pytest.approx(slow)


def test_entropy_runs_from_nothing_to_the_log_of_the_number_of_classes():
    corners = rows_of([1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0])
    middle, at_home = class_entropies(rows_of([0.0, 0.0], [1.0, 0.0]), corners).tolist()
    assert middle == pytest.approx(math.log(4))
    assert 0 <= at_home < 1e-3  # on top of a class: certain, not NaN


def test_a_clip_on_top_of_a_class_is_told_from_one_beside_it_among_many():
    # A shortcut through a matrix product would give both the same distance in single precision.
    classes = 100 + random_rows(40, 8).float()
    clips = classes[:30].clone()
    assert (class_entropies(clips, classes) < 1e-3).all()


CLASSES = rows_of([1.0, 0.0], [-1.0, 0.0])
SURE, UNSURE = [0.9, 0.0], [0.0, 0.0]


def test_the_surer_modality_wins_and_alpha_is_the_weight_of_video():
    audio, video = rows_of(SURE, UNSURE, SURE), rows_of(UNSURE, SURE, SURE)
    target = attention_target(audio, video, CLASSES, xi=0.1, sign="fixed")
    assert target.tolist() == [0.0, 1.0, 0.5]


def test_as_printed_turns_the_target_round():
    audio, video = rows_of(SURE, UNSURE, SURE), rows_of(UNSURE, SURE, SURE)
    target = attention_target(audio, video, CLASSES, xi=0.1, sign="as_printed")
    assert target.tolist() == [1.0, 0.0, 0.5]


def test_a_lead_within_xi_decides_nothing():
    audio, video = rows_of(UNSURE), rows_of(SURE)
    lead = (class_entropies(audio, CLASSES) - class_entropies(video, CLASSES)).item()
    assert attention_target(audio, video, CLASSES, xi=lead * 1.01, sign="fixed").tolist() == [0.5]
    assert attention_target(audio, video, CLASSES, xi=lead * 0.99, sign="fixed").tolist() == [1.0]


def test_attention_loss_agrees_with_its_twin_for_all_three_targets():
    logits, target = torch.tensor([0.3, -1.2, 2.0]), torch.tensor([0.0, 0.5, 1.0])
    alphas = [1 / (1 + math.exp(-x)) for x in logits.tolist()]
    slow = [
        -(y * math.log(a) + (1 - y) * math.log(1 - a)) for y, a in zip(target.tolist(), alphas, strict=True)
    ]
    assert attention_loss(logits, target).item() == pytest.approx(sum(slow) / 3)


def test_an_undecided_target_pulls_alpha_to_one_half():
    logits = torch.tensor([3.0], requires_grad=True)
    attention_loss(logits, torch.tensor([0.5])).backward()
    assert logits.grad.item() > 0  # going down the gradient lowers alpha from .95
    undecided = torch.zeros(1, requires_grad=True)
    attention_loss(undecided, torch.tensor([0.5])).backward()
    assert undecided.grad.item() == 0


def test_no_gradient_flows_through_the_target():
    audio, video = (random_rows(4, 2, seed=s).requires_grad_() for s in range(2))
    classes = CLASSES.clone().requires_grad_()
    target = attention_target(audio, video, classes, xi=0.0, sign="fixed")
    assert not target.requires_grad
    assert target.dtype == audio.dtype


def test_gradients_of_every_loss_are_those_of_its_values():
    p, q, t = (random_rows(4, 3, seed=s).requires_grad_() for s in range(3))
    logits = random_rows(4, seed=3).requires_grad_()
    alpha = torch.sigmoid(logits.detach()).requires_grad_()
    target = torch.tensor([0.0, 0.5, 1.0, 1.0], dtype=torch.float64)

    def joint(p, q, t, alpha):
        triplets = triplet_losses(p, q, t, 1.0), triplet_losses(q, p, t, 1.0)
        return joint_loss(*triplets, alpha, agreement_loss(p, q), gamma=0.7, lambda_=1.3)

    assert torch.autograd.gradcheck(lambda *x: triplet_losses(*x, 1.0), (p, q, t))
    assert torch.autograd.gradcheck(agreement_loss, (p, q))
    assert torch.autograd.gradcheck(joint, (p, q, t, alpha))
    assert torch.autograd.gradcheck(lambda x: attention_loss(x, target), (logits,))


def test_a_clip_that_lies_on_its_class_has_a_gradient_that_is_a_number():
    t = random_rows(2, 3)
    p = t.clone().requires_grad_()
    triplet_losses(p, random_rows(2, 3, seed=1), t, margin=10.0).sum().backward()
    assert torch.isfinite(p.grad).all()
