import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.cjme.losses import (
    agreement_loss,
    attention_loss,
    attention_target,
    batch_triplets,
    class_distances,
    class_entropies,
    joint_loss,
    pair_triplets,
)


def random_rows(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def rows_of(*rows):
    return torch.tensor(rows, dtype=torch.float64)


def test_distances_by_hand():
    distances = class_distances(rows_of([3.0, 4.0], [0.0, 0.0]), rows_of([0.0, 0.0], [0.0, 1.0]))
    assert distances.tolist() == [[5.0, pytest.approx(math.sqrt(18))], [0.0, 1.0]]


def test_pairs_by_hand():
    # d(x_p, t_p) = 5, d(x_q, t_p) = 1: 5 - 1 + 1; the second pair is right by more than the margin.
    assert pair_triplets(torch.tensor([5.0, 0.0]), torch.tensor([1.0, 2.0]), margin=1.0).tolist() == [
        5.0,
        0.0,
    ]


def test_a_batch_by_hand():
    # Classes 0, 0, 1. To class 0: clips at 1, 2 and 2.5; to class 1: 9, 3 and 4.
    distances = torch.tensor([[1.0, 9.0], [2.0, 3.0], [2.5, 4.0]])
    losses = batch_triplets(distances, torch.tensor([0, 0, 1]), margin=1.0)
    # Clip 0: 1 + 1 - 2.5 is right. Clip 1: 2 + 1 - 2.5. Clip 2: the mean of [4 + 1 - 9]+ and 4 + 1 - 3.
    assert losses.tolist() == [0.0, 0.5, 1.0]


def the_papers_sum(clips, classes, labels, margin):
    """Eq. 4's sum over all p and q with y_p != y_q of eq. 1, and how many of them each p has."""
    total, n_of = 0.0, [0] * len(labels)
    for p, y_p in enumerate(labels):
        for q, y_q in enumerate(labels):
            if y_p != y_q:
                near, far = math.dist(clips[p], classes[y_p]), math.dist(clips[q], classes[y_p])
                total += max(near - far + margin, 0)
                n_of[p] += 1
    return total, n_of


def test_over_a_whole_set_of_even_classes_the_batch_is_the_papers_sum():
    clips, classes, labels = (
        random_rows(12, 3),
        random_rows(4, 3, seed=1),
        [0, 1, 2, 3, 3, 2, 1, 0, 2, 0, 1, 3],
    )
    total, n_of = the_papers_sum(clips.tolist(), classes.tolist(), labels, 0.7)
    losses = batch_triplets(class_distances(clips, classes), torch.tensor(labels), margin=0.7)
    assert losses.mean().item() == pytest.approx(total / sum(n_of), rel=1e-12)


def by_pairs(distances, labels, margin):
    """Every hinge on its own, with torch's own gradients: the twin."""
    losses = []
    for p, y in enumerate(labels.tolist()):
        hinges = [
            torch.relu(distances[p, y] - distances[q, y] + margin)
            for q in range(len(labels))
            if labels[q] != y
        ]
        losses.append(torch.stack(hinges).mean() if hinges else distances[p, y] * 0)
    return torch.stack(losses)


@settings(deadline=None, max_examples=25)
@given(data=st.data(), n=st.integers(1, 9), n_classes=st.integers(1, 4), margin=st.floats(0.1, 3))
def test_values_and_gradients_of_a_batch_are_those_of_its_pairs(data, n, n_classes, margin):
    # Whole numbers, so that there are ties; the margin is none, or a hinge could be just at its corner.
    cells = data.draw(st.lists(st.integers(0, 5), min_size=n * n_classes, max_size=n * n_classes))
    labels = torch.tensor(data.draw(st.lists(st.integers(0, n_classes - 1), min_size=n, max_size=n)))
    margin += 0.00137 if float(margin).is_integer() else 0.0
    weights = random_rows(n)
    fast, slow = (torch.tensor(cells, dtype=torch.float64).view(n, n_classes).requires_grad_() for _ in "12")
    losses, twins = batch_triplets(fast, labels, margin), by_pairs(slow, labels, margin)
    torch.testing.assert_close(losses, twins)
    for values, at in ((losses, fast), (twins, slow)):  # weighted, as alpha weights them
        (values * weights).sum().backward()
        at.grad = at.grad if at.grad is not None else torch.zeros_like(at)
    torch.testing.assert_close(fast.grad, slow.grad)


def test_agreement_is_the_mean_over_dimensions_or_the_sum_as_printed():
    audio, video = rows_of([1.0, 3.0], [0.0, 0.0]), rows_of([0.0, 1.0], [0.0, 1.0])
    assert agreement_loss(audio, video, "mean").item() == pytest.approx((1 + 4 + 0 + 1) / 4)
    assert agreement_loss(audio, video, "sum").item() == pytest.approx(((1 + 4) + (0 + 1)) / 2)


def test_alpha_weights_the_video_triplet_of_each_clip():
    audio, video, alpha = (torch.tensor(v) for v in ([1.0, 2.0], [10.0, 20.0], [0.25, 1.0]))
    loss = joint_loss(audio, video, alpha, torch.tensor(7.0), gamma=2.0, lambda_=3.0)
    by_hand = 3 * 7 + 2 * ((0.25 * 10 + 0.75 * 1) + (1.0 * 20 + 0.0 * 2)) / 2
    assert loss.item() == pytest.approx(by_hand)


def test_alpha_is_of_each_clip_and_not_of_the_batch():
    # Weighted by means, as where an n x 1 alpha meets n losses, this would be (.5 * 10 + .5 * 10) / 2.
    audio, video, alpha = torch.tensor([0.0, 10.0]), torch.tensor([10.0, 0.0]), torch.tensor([0.0, 1.0])
    loss = joint_loss(audio, video, alpha, torch.tensor(0.0), gamma=1.0, lambda_=1.0)
    assert loss.item() == 0.0


def entropies_of(clips, classes):
    return class_entropies(class_distances(clips, classes))


def target_of(audio, video, classes, **how):
    return attention_target(class_distances(audio, classes), class_distances(video, classes), **how)


def slow_entropy(clip, classes):
    inverse = [1 / max(math.dist(clip, c), 1e-6) for c in classes]
    return -sum(i / sum(inverse) * math.log(i / sum(inverse)) for i in inverse)


def test_entropies_agree_with_their_twin():
    clips, classes = random_rows(5, 3), random_rows(7, 3, seed=1)
    slow = [slow_entropy(clip, classes.tolist()) for clip in clips.tolist()]
    assert class_entropies(class_distances(clips, classes)).tolist() == pytest.approx(slow)


def test_entropy_runs_from_nothing_to_the_log_of_the_number_of_classes():
    corners = rows_of([1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0])
    middle, at_home = entropies_of(rows_of([0.0, 0.0], [1.0, 0.0]), corners).tolist()
    assert middle == pytest.approx(math.log(4))
    assert 0 <= at_home < 1e-3  # on top of a class: certain, not NaN


def test_a_clip_on_top_of_a_class_is_told_from_one_beside_it_among_many():
    # A shortcut through a matrix product would give both the same distance in single precision.
    classes = 100 + random_rows(40, 8).float()
    clips = classes[:30].clone()
    assert (class_entropies(class_distances(clips, classes)) < 1e-3).all()


CLASSES = rows_of([1.0, 0.0], [-1.0, 0.0])
SURE, UNSURE = [0.9, 0.0], [0.0, 0.0]


def test_the_surer_modality_wins_and_alpha_is_the_weight_of_video():
    audio, video = rows_of(SURE, UNSURE, SURE), rows_of(UNSURE, SURE, SURE)
    target = target_of(audio, video, CLASSES, xi=0.1, sign="fixed")
    assert target.tolist() == [0.0, 1.0, 0.5]


def test_as_printed_turns_the_target_round():
    audio, video = rows_of(SURE, UNSURE, SURE), rows_of(UNSURE, SURE, SURE)
    target = target_of(audio, video, CLASSES, xi=0.1, sign="as_printed")
    assert target.tolist() == [1.0, 0.0, 0.5]


def test_a_lead_within_xi_decides_nothing():
    audio, video = rows_of(UNSURE), rows_of(SURE)
    lead = (entropies_of(audio, CLASSES) - entropies_of(video, CLASSES)).item()
    assert target_of(audio, video, CLASSES, xi=lead * 1.01, sign="fixed").tolist() == [0.5]
    assert target_of(audio, video, CLASSES, xi=lead * 0.99, sign="fixed").tolist() == [1.0]


def test_attention_loss_agrees_with_its_twin_for_all_three_targets():
    logits, target = torch.tensor([0.3, -1.2, 2.0]), torch.tensor([0.0, 0.5, 1.0])
    alphas = [1 / (1 + math.exp(-x)) for x in logits.tolist()]
    slow = [
        -(y * math.log(a) + (1 - y) * math.log(1 - a)) for y, a in zip(target.tolist(), alphas, strict=True)
    ]
    assert attention_loss(logits, target, "bce").item() == pytest.approx(sum(slow) / 3)
    squares = [(a - y) ** 2 for y, a in zip(target.tolist(), alphas, strict=True)]
    assert attention_loss(logits, target, "mse").item() == pytest.approx(sum(squares) / 3)


def test_an_undecided_target_pulls_alpha_to_one_half():
    logits = torch.tensor([3.0], requires_grad=True)
    attention_loss(logits, torch.tensor([0.5]), "bce").backward()
    assert logits.grad.item() > 0  # going down the gradient lowers alpha from .95
    undecided = torch.zeros(1, requires_grad=True)
    attention_loss(undecided, torch.tensor([0.5]), "bce").backward()
    assert undecided.grad.item() == 0


def test_no_gradient_flows_through_the_target():
    audio, video = (random_rows(4, 2, seed=s).requires_grad_() for s in range(2))
    classes = CLASSES.clone().requires_grad_()
    target = target_of(audio, video, classes, xi=0.0, sign="fixed")
    assert not target.requires_grad
    assert target.dtype == audio.dtype


def test_gradients_of_every_loss_are_those_of_its_values():
    audio, video, classes = random_rows(6, 3), random_rows(6, 3, seed=1), random_rows(3, 3, seed=2)
    logits, labels = random_rows(6, seed=3), torch.tensor([0, 1, 2, 0, 1, 0])
    inputs = tuple(rows.requires_grad_() for rows in (audio, video, classes, logits))
    target = torch.tensor([0.0, 0.5, 1.0, 1.0, 0.0, 0.5], dtype=torch.float64)

    def of_batch(audio, video, classes, logits, over):
        triplets = [batch_triplets(class_distances(x, classes), labels, 1.0) for x in (audio, video)]
        agreement = agreement_loss(audio, video, over)
        return joint_loss(*triplets, torch.sigmoid(logits), agreement, gamma=0.7, lambda_=1.3)

    def of_pairs(audio, video, classes):
        near, far = class_distances(audio, classes)[:, 0], class_distances(video, classes)[:, 0]
        return pair_triplets(near, far, 1.0)

    for over in ("mean", "sum"):
        assert torch.autograd.gradcheck(lambda *x, over=over: of_batch(*x, over), inputs)
    assert torch.autograd.gradcheck(of_pairs, inputs[:3])
    for kind in ("bce", "mse"):
        assert torch.autograd.gradcheck(lambda x, kind=kind: attention_loss(x, target, kind), (logits,))


def test_a_clip_that_lies_on_its_class_has_a_gradient_that_is_a_number():
    classes = random_rows(2, 3)
    clips = classes.clone().requires_grad_()
    batch_triplets(class_distances(clips, classes), torch.tensor([0, 1]), margin=10.0).sum().backward()
    assert torch.isfinite(clips.grad).all()
