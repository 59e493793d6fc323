import pytest
import torch

from audiosetzsl.errors import SetupError
from models.sampling import class_balanced

# Class 0 has 90 clips, class 2 has 9, class 3 has one; class 1 is absent. Shuffled on purpose.
LABELS = torch.tensor([0] * 90 + [2] * 9 + [3])[
    torch.randperm(100, generator=torch.Generator().manual_seed(5))
]


def shares(labels):
    return (torch.bincount(labels, minlength=4) / len(labels)).tolist()


def test_every_class_with_clips_is_drawn_equally_often():
    drawn = class_balanced(LABELS).draw(30_000, torch.Generator().manual_seed(0))
    assert shares(LABELS[drawn]) == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3], abs=0.02)


def test_every_clip_of_a_class_is_drawn_equally_often():
    drawn = class_balanced(LABELS).draw(27_000, torch.Generator().manual_seed(0))
    counts = torch.bincount(drawn, minlength=100)[LABELS == 2]
    assert counts.min() > 850 and counts.max() < 1150  # 1000 expected, standard deviation 31


def test_pairs_are_of_two_classes_and_the_second_is_uniform_among_the_others():
    p, q = class_balanced(LABELS).draw_pairs(30_000, torch.Generator().manual_seed(0))
    assert (LABELS[p] != LABELS[q]).all()
    assert shares(LABELS[p]) == pytest.approx([1 / 3, 0, 1 / 3, 1 / 3], abs=0.02)
    assert shares(LABELS[q][LABELS[p] == 0]) == pytest.approx([0, 0, 0.5, 0.5], abs=0.02)


def test_the_seed_decides_the_draw():
    first, again, other = (
        class_balanced(LABELS).draw(50, torch.Generator().manual_seed(s)) for s in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_one_class_cannot_be_told_from_another():
    with pytest.raises(SetupError, match="at least two seen classes, got 1"):
        class_balanced(torch.tensor([4, 4, 4]))


def test_an_even_draw_has_of_each_class_as_many_or_one_more_in_any_order():
    sampler, generator = class_balanced(LABELS), torch.Generator().manual_seed(0)
    draws = [LABELS[sampler.draw_evenly(11, generator)] for _ in range(300)]
    counts = torch.stack([torch.bincount(drawn, minlength=4) for drawn in draws])
    assert set(counts[:, [0, 2, 3]].flatten().tolist()) == {3, 4} and not counts[:, 1].any()
    assert (counts[:, 0] == 4).float().mean() == pytest.approx(2 / 3, abs=0.1)  # whose turn it is, is chance
    assert (torch.stack(draws)[:, 0] == 0).float().mean() == pytest.approx(1 / 3, abs=0.1)
