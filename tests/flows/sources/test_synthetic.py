"""Stand-ins: alike for like words, as long as their segments, the same every time."""

import numpy as np

from audiosetzsl.classes import AUDIOSETZSL
from audiosetzsl.manifest import Segment
from extractors.media.inspection import inspect
from extractors.words.class_vectors import load_ontology_vectors
from flows.sources.synthetic import Synthetic, style_of


def test_stand_ins_of_like_words_are_alike():
    vectors = load_ontology_vectors()
    words = np.stack([vectors[c.mid] for c in AUDIOSETZSL])
    styles = np.stack([style_of(c.mid) for c in AUDIOSETZSL])
    pairs = np.triu_indices(len(words), 1)
    apart = np.linalg.norm(styles[:, None] - styles, axis=2)[pairs]
    assert np.corrcoef((words @ words.T)[pairs], apart)[0, 1] < -0.4
    assert np.abs(styles).max() <= 2


def test_a_stand_in_is_as_long_as_its_segment_and_the_same_every_time(tmp_path):
    segment = Segment("-aaaaaaaaaa_0", "-aaaaaaaaaa", 0.0, 3.0, "dog")
    one = Synthetic().get(segment, "/m/0bt9lr", tmp_path / "one.mp4").path
    two = Synthetic().get(segment, "/m/0bt9lr", tmp_path / "two.mp4").path
    assert one.read_bytes() == two.read_bytes()
    facts = inspect(one, 3.0)
    assert abs(facts.duration_s - 3.0) < 0.2
    assert facts.flags == ()
