import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.neighbours import Partner
from audiosetzsl.evaluation.retrieval import (
    Direction,
    Embeddings,
    RetrievalProtocol,
    TextQueries,
    clip_retrieval,
    retrieve,
    text_retrieval,
)
from audiosetzsl.evaluation.training_set import ClassTable

CLASSES = ClassTable(("dog", "pig", "cat", "bus"), (True, False, True, False))
SEEN = CLASSES.seen_mask


def two_clips_a_class():
    """Clips on a line, in pairs far from one another: a clip's nearest neighbour is its class mate."""
    line = np.array([0.0, 1, 10, 11, 100, 101, 1000, 1001])[:, None]
    return line, np.array([0, 0, 1, 1, 2, 2, 3, 3])


def test_clip_retrieval_by_hand():
    line, actual = two_clips_a_class()
    within = clip_retrieval(line, line, actual, CLASSES)
    assert (within.seen, within.unseen, within.harmonic) == (1.0, 1.0, 1.0)
    # Dogs now at 0 and 10, pigs at 1 and 11: the dog at 0 finds 1, 10 (its mate second), the one at 10
    # finds 11, 1, 0 (third). Were the query kept it would come first and both would be above a half.
    crossed = clip_retrieval(line, line, np.array([0, 1, 0, 1, 2, 2, 3, 3]), CLASSES)
    assert crossed.by_class == pytest.approx({"dog": 5 / 12, "pig": 5 / 12, "cat": 1.0, "bus": 1.0})
    assert crossed.seen == pytest.approx((5 / 12 + 1) / 2)


def test_a_query_never_finds_its_own_clip_in_the_other_modality():
    # Each clip's video lies exactly on its audio, and every neighbour is of another class.
    audio = np.arange(8.0)[:, None]
    actual = np.array([0, 1, 2, 3, 0, 1, 2, 3])
    found = clip_retrieval(audio, audio.copy(), actual, CLASSES)
    assert max(found.by_class.values()) < 0.5


def slow_clip_retrieval(queries, gallery, actual, seen):
    by_class = {}
    for i, query in enumerate(queries):
        others = sorted((math.dist(query, gallery[j]), j) for j in range(len(gallery)) if j != i)
        hits, precisions = 0, []
        for rank, (_, j) in enumerate(others, start=1):
            if actual[j] == actual[i]:
                hits += 1
                precisions.append(hits / rank)
        by_class.setdefault(int(actual[i]), []).append(sum(precisions) / len(precisions))
    means = {c: sum(v) / len(v) for c, v in by_class.items()}
    s, u = ([v for c, v in means.items() if seen[c] == side] for side in (True, False))
    return sum(s) / len(s), sum(u) / len(u)


def random_embeddings(seed, n_clips=300):
    generator = np.random.default_rng(seed)
    actual = np.r_[np.arange(4), np.arange(4), generator.integers(0, 4, n_clips - 8)]
    centres = generator.normal(size=(4, 3))
    audio, video = (centres[actual] + generator.normal(size=(n_clips, 3)) for _ in range(2))
    return Embeddings(audio, video, centres, np.full(n_clips, 0.5)), actual


def test_clip_retrieval_agrees_with_its_twin_across_blocks():
    embeddings, actual = random_embeddings(0)
    found = clip_retrieval(embeddings.audio, embeddings.video, actual, CLASSES)
    expected = slow_clip_retrieval(embeddings.audio, embeddings.video, actual, SEEN)
    assert (found.seen, found.unseen) == pytest.approx(expected)


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_retrieval_does_not_depend_on_the_order_of_clips(seed):
    embeddings, actual = random_embeddings(seed, n_clips=20)
    order = np.random.default_rng(seed).permutation(20)
    parts = (embeddings.audio[order], embeddings.video[order], embeddings.text, embeddings.alpha[order])
    shuffled = retrieve(Embeddings(*parts), actual[order], CLASSES)
    for direction, found in retrieve(embeddings, actual, CLASSES).items():
        assert shuffled[direction].harmonic == pytest.approx(found.harmonic), direction


@st.composite
def worlds_of_whole_numbers(draw):
    """Two or more clips a class in a small grid, where many embeddings are equal or equally far, to the last bit."""
    n_more = draw(st.integers(0, 8))
    actual = [0, 1, 2, 3] * 2 + draw(st.lists(st.integers(0, 3), min_size=n_more, max_size=n_more))
    audio, video, text = (
        draw(arrays(np.float32, (n, 2), elements=st.integers(-3, 3))) for n in (len(actual), len(actual), 4)
    )
    alpha = draw(arrays(np.float32, len(actual), elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])))
    return Embeddings(audio, video, text, alpha), np.array(actual)


every_protocol = st.builds(RetrievalProtocol, st.sampled_from(TextQueries), st.sampled_from(Partner))


def assert_same_figures(found, expected):
    assert list(found) == list(expected) == list(Direction)
    for direction, one in expected.items():
        there = found[direction]
        figures = {"S": there.seen, "U": there.unseen, "HM": there.harmonic, **there.by_class}
        told = {"S": one.seen, "U": one.unseen, "HM": one.harmonic, **one.by_class}
        assert figures == pytest.approx(told, rel=0, abs=1e-12), direction


@settings(max_examples=40, deadline=None)
@given(worlds_of_whole_numbers(), every_protocol, st.permutations(range(4)))
def test_the_order_of_classes_changes_nothing_ties_included(world, protocol, order):
    e, actual = world
    table = ClassTable(tuple(CLASSES.names[n] for n in order), tuple(CLASSES.seen[n] for n in order))
    turned = Embeddings(e.audio, e.video, e.text[order], e.alpha)
    found = retrieve(turned, np.argsort(order)[actual], table, protocol=protocol)
    assert_same_figures(found, retrieve(e, actual, CLASSES, protocol=protocol))


@settings(max_examples=40, deadline=None)
@given(worlds_of_whole_numbers(), every_protocol, st.randoms(use_true_random=False))
def test_the_order_of_clips_changes_nothing_ties_included(world, protocol, random):
    e, actual = world
    order = list(range(len(actual)))
    random.shuffle(order)
    shuffled = Embeddings(e.audio[order], e.video[order], e.text, e.alpha[order])
    found = retrieve(shuffled, actual[order], CLASSES, protocol=protocol)
    assert_same_figures(found, retrieve(e, actual, CLASSES, protocol=protocol))


def test_text_queries_search_every_clip_and_count_once_a_class():
    # Column "dog" ranks clips 1, 0, 2, 3; the dogs are clips 0 and 1, so both are found first.
    values = np.array([[2.0, 0, 0, 0], [3, 0, 0, 0], [1, 5, 0, 0], [0, 0, 5, 5]])
    found = text_retrieval(values, np.array([0, 0, 1, 3]), CLASSES)
    assert found.by_class == {"dog": 1.0, "pig": 1.0, "bus": 1.0}  # cat has no clip to find
    assert (found.seen, found.unseen) == (1.0, 1.0)


def test_all_directions_use_what_their_names_say():
    actual = np.arange(4).repeat(2)
    right, junk = np.eye(4)[actual], np.zeros((8, 4))
    found = retrieve(Embeddings(right, junk, np.eye(4), np.full(8, 0.1)), actual, CLASSES)
    assert list(found) == list(Direction)
    assert found[Direction.TEXT_TO_AUDIO].harmonic == 1.0
    assert found[Direction.TEXT_TO_VIDEO].harmonic < 0.6  # all tied: chance
    assert found[Direction.TEXT_TO_BOTH].harmonic == 1.0
    assert found[Direction.TEXT_TO_SELECTED].harmonic == 1.0  # alpha selects the sound everywhere
    assert found[Direction.AUDIO_TO_VIDEO].harmonic == found[Direction.VIDEO_TO_AUDIO].harmonic < 0.6


def three_ways():
    """The text is at 0; audio says 1, 5, 9 and video 8, 4, 1 of the clips dog, dog, cat; alpha differs."""
    audio, video = (np.array(rows)[:, None] for rows in ([1.0, 5, 9, 50, 60], [8.0, 4, 1, 50, 60]))
    text = np.array([0.0, 50, 0, 60])[:, None]
    return Embeddings(audio, video, text, np.array([0.1, 0.5, 0.9, 0.5, 0.5])), np.array([0, 0, 2, 1, 3])


def test_each_clip_is_found_by_the_modality_that_its_alpha_selects():
    # Audio: 1, 5, 9 -> dogs first. Video: 8, 4, 1 -> last. Mean: 4.5, 4.5, 5 -> first. Selected: 1, 4.5, 1 -> the
    # dog at 1 is tied with the cat: precision 1 or 1/2, then 2/3 at the second dog.
    embeddings, actual = three_ways()
    of_text = [d for d in Direction if d.startswith("T")]
    found = {d: one.by_class["dog"] for d, one in retrieve(embeddings, actual, CLASSES, of_text).items()}
    assert found[Direction.TEXT_TO_AUDIO] == found[Direction.TEXT_TO_BOTH] == 1.0
    assert found[Direction.TEXT_TO_VIDEO] == pytest.approx((1 / 2 + 2 / 3) / 2)
    assert found[Direction.TEXT_TO_SELECTED] == pytest.approx((3 / 4 + 2 / 3) / 2)
    surer = RetrievalProtocol(video_above=0.95, audio_below=0.05)  # nothing is decided
    asked = retrieve(embeddings, actual, CLASSES, (Direction.TEXT_TO_SELECTED,), surer)
    assert list(asked) == [Direction.TEXT_TO_SELECTED]
    assert asked[Direction.TEXT_TO_SELECTED].by_class["dog"] == 1.0


def test_only_directions_that_were_asked_for_are_measured():
    embeddings, actual = random_embeddings(1, n_clips=40)
    every = retrieve(embeddings, actual, CLASSES)
    some = {Direction.VIDEO_TO_AUDIO, Direction.TEXT_TO_AUDIO}
    assert retrieve(embeddings, actual, CLASSES, some) == {d: every[d] for d in Direction if d in some}


def test_a_text_query_per_clip_leaves_its_clip_out():
    embeddings, actual = random_embeddings(2, n_clips=40)
    per_clip = RetrievalProtocol(text_queries=TextQueries.PER_CLIP)
    directions = (Direction.TEXT_TO_AUDIO,)
    found = retrieve(embeddings, actual, CLASSES, directions, per_clip)[Direction.TEXT_TO_AUDIO]
    slow = {index: [] for index in range(4)}
    for i in range(40):
        rest = [j for j in range(40) if j != i]
        by_distance = sorted(rest, key=lambda j: math.dist(embeddings.audio[j], embeddings.text[actual[i]]))
        hits = [rank for rank, j in enumerate(by_distance, start=1) if actual[j] == actual[i]]
        slow[actual[i]].append(sum(n / rank for n, rank in enumerate(hits, start=1)) / len(hits))
    expected = {name: sum(slow[n]) / len(slow[n]) for n, name in enumerate(CLASSES.names)}
    assert found.by_class == pytest.approx(expected)


def test_the_authors_way_keeps_the_partner_in_the_gallery():
    embeddings, actual = random_embeddings(3, n_clips=60)
    same = Embeddings(embeddings.audio, embeddings.audio, embeddings.text, embeddings.alpha)
    directions = (Direction.AUDIO_TO_VIDEO,)
    without = retrieve(same, actual, CLASSES, directions)
    kept = retrieve(same, actual, CLASSES, directions, RetrievalProtocol(partner=Partner.KEEP))
    for name, value in kept[Direction.AUDIO_TO_VIDEO].by_class.items():
        assert value > without[Direction.AUDIO_TO_VIDEO].by_class[name]


def test_scores_that_are_not_finite_rank_nothing():
    values = np.zeros((4, 4))
    values[1, 2] = np.nan
    with pytest.raises(SetupError, match="1 scores are not finite, so they rank nothing; check the model"):
        text_retrieval(values, np.arange(4), CLASSES)


def test_embeddings_of_other_clips_or_classes_are_refused():
    embeddings, actual = random_embeddings(4, n_clips=20)
    fewer = Embeddings(embeddings.audio, embeddings.video, embeddings.text[:3], embeddings.alpha)
    with pytest.raises(SetupError, match=r"scores are \(20, 3\), expected \(20, 4\): clips x classes"):
        retrieve(fewer, actual, CLASSES)
    with pytest.raises(SetupError, match="1 values of alpha for 20 clips; give one each"):
        retrieve(Embeddings(embeddings.audio, embeddings.video, embeddings.text, np.ones(1)), actual, CLASSES)


def test_retrieval_refuses_labels_outside_the_table():
    with pytest.raises(SetupError, match="labels run from 0 to 7"):
        clip_retrieval(np.zeros((2, 1)), np.zeros((2, 1)), np.array([0, 7]), CLASSES)
