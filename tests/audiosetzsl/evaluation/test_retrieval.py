import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.retrieval import Direction, Embeddings, clip_retrieval, retrieve, text_retrieval
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


def test_text_queries_search_every_clip_and_count_once_a_class():
    # Column "dog" ranks clips 1, 0, 2, 3; the dogs are clips 0 and 1, so both are found first.
    values = np.array([[2.0, 0, 0, 0], [3, 0, 0, 0], [1, 5, 0, 0], [0, 0, 5, 5]])
    found = text_retrieval(values, np.array([0, 0, 1, 3]), CLASSES)
    assert found.by_class == {"dog": 1.0, "pig": 1.0, "bus": 1.0}  # cat has no clip to find
    assert (found.seen, found.unseen) == (1.0, 1.0)


def test_all_five_directions_use_what_their_names_say():
    actual = np.arange(4).repeat(2)
    right, junk = np.eye(4)[actual], np.zeros((8, 4))
    found = retrieve(Embeddings(right, junk, np.eye(4), np.full(8, 0.5)), actual, CLASSES)
    assert list(found) == list(Direction)
    assert found[Direction.TEXT_TO_AUDIO].harmonic == 1.0
    assert found[Direction.TEXT_TO_VIDEO].harmonic < 0.6  # all tied: chance
    assert found[Direction.TEXT_TO_BOTH].harmonic == 1.0
    assert found[Direction.AUDIO_TO_VIDEO].harmonic == found[Direction.VIDEO_TO_AUDIO].harmonic < 0.6


def test_retrieval_refuses_labels_outside_the_table():
    with pytest.raises(SetupError, match="labels run from 0 to 7"):
        clip_retrieval(np.zeros((2, 1)), np.zeros((2, 1)), np.array([0, 7]), CLASSES)
