"""Feature set: parts that do not belong together are refused."""

from dataclasses import replace

import numpy as np
import pytest
from feature_set_files import assert_same, drawn

from audiosetzsl.errors import SetupError


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (
            {"labels": np.zeros(3, np.int64)},
            r"60 clip ids, but labels, splits and features are \(3, 60, 60\)",
        ),
        ({"class_vectors": np.ones((4, 3), np.float32)}, "4 class vectors for 5 classes"),
        ({"labels": np.full(60, 5)}, "labels run from 5 to 5, expected columns of 5 classes"),
        ({"splits": np.full(60, "dev")}, r"splits \['dev'\] are unknown, expected train, val, test"),
        ({"splits": np.full(60, "val", object)}, r"splits are object \(60,\), expected text in a row"),
        ({"clip_ids": np.arange(60)}, r"clip ids are int64 \(60,\), expected text in a row: take .astype"),
        ({"clip_ids": np.array([f"{i or ''}" for i in range(60)])}, "clip 0 has an empty id, one of 1; give"),
        ({"held_out": ("pig",)}, r"held-out classes \['pig'\] are no seen classes"),
        (
            {"clip_ids": np.array(["a"] * 2 + [f"b{i}" for i in range(58)])},
            "1 clip ids stand more than once, the .* a;",
        ),
        (
            {"class_vectors": np.array([[1.0], [2.0], [np.nan], [1.0], [1.0]])},
            "the vector of class bus is not finite",
        ),
    ],
)
def test_parts_that_do_not_belong_together(wrong, message):
    with pytest.raises(SetupError, match=message):
        replace(drawn(), **wrong)


def test_in_order_is_by_class_and_id_and_copies_nothing_that_is():
    clips = drawn(made_of={"a": 1}, held_out=("cat",))
    shuffled = clips.rows(np.random.default_rng(1).permutation(60))
    assert_same(shuffled.in_order(), clips)
    assert clips.in_order() is clips
