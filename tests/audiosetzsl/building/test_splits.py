"""Splits: the rounding of the authors' lists, and a draw that depends on nothing but the segments."""

import hashlib
import math
from collections import Counter, defaultdict
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.building.splits import Split, hash_split, split_sizes
from audiosetzsl.tables.paper import COUNTS

PINNED = ["test", "train", "train", "test", "val", "val", "train", "train", "train", "train"]
RANK = {"test": 0, "val": 1, "train": 2}  # test is filled first, train takes the rest


def slow_sizes(n):
    """The rule as it is said: 60 % rounded up train, half of the rest rounded up tests, what remains is val."""
    train = math.ceil(Fraction(60, 100) * n)
    test = math.ceil(Fraction(n - train, 2))
    return train, n - train - test, test


def test_sizes_are_the_rounding_in_words():
    for n in range(20_000):
        assert split_sizes(n) == slow_sizes(n), n


def test_sizes_add_up_and_are_exact_far_beyond_floats():
    for n in (0, 1, 2, 3, 4, 5, 10**6, 10**15 + 1, 10**18 + 3):
        sizes = split_sizes(n)
        assert sum(sizes) == n and min(sizes) >= 0
        assert sizes == slow_sizes(n)


@pytest.mark.parametrize(("name", "counts"), COUNTS.items())
def test_sizes_are_those_of_the_paper_in_all_33_classes(name, counts):
    assert split_sizes(sum(counts)) == counts


def test_the_paper_has_33_classes_to_compare_with():
    assert len(COUNTS) == 33


def test_small_classes_by_hand():
    assert [split_sizes(n) for n in range(6)] == [
        (0, 0, 0),
        (1, 0, 0),
        (2, 0, 0),
        (2, 0, 1),
        (3, 0, 1),
        (3, 1, 1),
    ]


def drawn(segments, seed=0):
    """Split of each (ytid, class, is_eval) by ytid."""
    ytids, classes, is_eval = zip(*segments, strict=True) if segments else ((), (), ())
    splits = hash_split(
        [ytid.encode() for ytid in ytids], np.array(classes, np.int16), np.array(is_eval, bool), seed
    )
    return dict(zip(ytids, splits.tolist(), strict=True))


def slow_draw(segments, seed=0):
    """Each class queues up, eval first, then by digest; test is served first, then val."""
    queues = defaultdict(list)
    for ytid, label, is_eval in segments:
        digest = hashlib.sha256(f"{seed}:{ytid}".encode()).hexdigest()
        queues[label].append((not is_eval, digest, ytid))
    splits = {}
    for queue in queues.values():
        _, n_val, n_test = slow_sizes(len(queue))
        for place, (_, _, ytid) in enumerate(sorted(queue)):
            splits[ytid] = "test" if place < n_test else "val" if place < n_test + n_val else "train"
    return splits


segments = st.dictionaries(
    st.text("abAB01-_", min_size=1, max_size=11),
    st.tuples(st.integers(0, 3), st.booleans()),
    max_size=60,
).map(lambda found: [(ytid, label, is_eval) for ytid, (label, is_eval) in found.items()])


@settings(deadline=None)
@given(segments=segments, seed=st.integers(0, 5))
def test_a_draw_is_the_queue_in_words(segments, seed):
    assert drawn(segments, seed) == slow_draw(segments, seed)


@settings(deadline=None)
@given(segments=segments, data=st.data())
def test_the_order_of_the_segments_does_not_matter(segments, data):
    assert drawn(data.draw(st.permutations(segments))) == drawn(segments)


@settings(deadline=None)
@given(segments=segments, label=st.integers(0, 3))
def test_another_class_coming_or_going_moves_nobody(segments, label):
    alone = [segment for segment in segments if segment[1] == label]
    everyone = drawn(segments)
    assert drawn(alone) == {ytid: everyone[ytid] for ytid, _, _ in alone}


@settings(deadline=None)
@given(segments=segments.filter(len), data=st.data())
def test_one_segment_less_moves_at_most_one_other_over_each_border(segments, data):
    """Nobody is drawn anew: the queue stays, so only who stands at a border of the class can step over it.

    That a draw moves at all is why it is made over all candidates, and not over what is alive today.
    """
    gone = data.draw(st.sampled_from(segments))
    before, after = drawn(segments), drawn([segment for segment in segments if segment != gone])
    moved = {
        ytid: (RANK[before[ytid]], RANK[split]) for ytid, split in after.items() if split != before[ytid]
    }
    classes = {ytid: label for ytid, label, _ in segments}
    assert all(classes[ytid] == gone[1] for ytid in moved)
    borders = Counter(tuple(sorted(ranks)) for ranks in moved.values())
    assert borders.keys() <= {(0, 1), (1, 2), (0, 2)}
    assert borders[0, 2] == 0 or split_sizes(list(classes.values()).count(gone[1]))[1] <= 1  # val is empty
    assert borders[0, 1] + borders[0, 2] <= 1 and borders[1, 2] + borders[0, 2] <= 1


def class_of(n_eval, n_other):
    return [(f"{number:011}", 0, number < n_eval) for number in range(n_eval + n_other)]


@pytest.mark.parametrize("n_eval", [0, 1, 19, 20])
def test_eval_segments_are_test_segments(n_eval):
    segments = class_of(n_eval, 100 - n_eval)
    splits = drawn(segments)
    assert Counter(splits.values()) == {"train": 60, "val": 20, "test": 20}
    assert {splits[ytid] for ytid, _, is_eval in segments if is_eval} <= {"test"}


@pytest.mark.parametrize(
    ("n_eval", "expected"),
    [
        (21, {"test": 20, "val": 1}),
        (40, {"test": 20, "val": 20}),
        (45, {"test": 20, "val": 20, "train": 5}),
        (100, {"test": 20, "val": 20, "train": 60}),
    ],
)
def test_more_eval_segments_than_test_holds_flow_over_into_val_and_then_train(n_eval, expected):
    """The sizes are kept: a class of eval segments alone is split like any other."""
    segments = class_of(n_eval, 100 - n_eval)
    splits = drawn(segments)
    assert Counter(splits.values()) == {"train": 60, "val": 20, "test": 20}
    assert Counter(splits[ytid] for ytid, _, is_eval in segments if is_eval) == expected


def test_another_seed_is_another_draw_of_the_same_sizes():
    segments = class_of(0, 500)
    first, second = drawn(segments, 0), drawn(segments, 1)
    assert Counter(first.values()) == Counter(second.values())
    same = sum(first[ytid] == second[ytid] for ytid in first) / len(first)
    assert same == pytest.approx(0.6**2 + 2 * 0.2**2, abs=0.07)  # as if drawn independently


def test_a_draw_is_the_same_on_every_machine_and_in_every_year():
    """Published results hang on it; a change here is another dataset."""
    assert drawn([(f"{number:011}", 0, number == 3) for number in range(10)]) == dict(
        zip((f"{number:011}" for number in range(10)), PINNED, strict=True)
    )


def test_nobody_is_drawn_out_of_nobody():
    assert drawn([]) == {}
    assert drawn([("aaaaaaaaaaa", 5, True)]) == {"aaaaaaaaaaa": Split.TRAIN}
