"""The plan of blocks: everyone once, the same for everybody."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audiosetzsl.blocks import BLOCK_SIZE, Block, plan_blocks, plan_id

PLAN = [("c_0", "a_0"), ("b_0",)]
PLAN_ID = "690e6e479376"
ids = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=40)


def slow_plan(names, size):
    """Sorted by digest, dealt out one by one."""
    blocks = []
    for name in sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest()):
        if not blocks or len(blocks[-1]) == size:
            blocks.append([])
        blocks[-1].append(name)
    return [tuple(block) for block in blocks]


@given(names=ids, size=st.integers(1, 12), data=st.data())
def test_the_order_of_the_segments_does_not_matter(names, size, data):
    blocks = plan_blocks(names, size)
    again = plan_blocks(data.draw(st.permutations(names)), size)
    assert again == blocks
    assert plan_id(again) == plan_id(blocks)


@given(names=ids, size=st.integers(1, 12))
def test_every_segment_is_in_exactly_one_block(names, size):
    blocks = plan_blocks(names, size)
    assert sorted(name for block in blocks for name in block.segment_ids) == sorted(names)
    assert [block.number for block in blocks] == list(range(len(blocks)))
    assert all(len(block.segment_ids) == size for block in blocks[:-1])  # only the last may be short
    assert [block.segment_ids for block in blocks] == slow_plan(names, size)


def test_blocks_hold_256_segments():
    blocks = plan_blocks([f"segment {n}" for n in range(600)])
    assert [len(block.segment_ids) for block in blocks] == [256, 256, 88]
    assert BLOCK_SIZE == 256


def test_half_of_the_blocks_is_about_half_of_every_class():
    """Ids that come sorted by class, or by whatever else, are spread."""
    names = [f"{name}-{n}" for name in ("cat", "dog", "pig") for n in range(1000)]
    first_half = [name for block in plan_blocks(names)[:6] for name in block.segment_ids]
    for animal in ("cat", "dog", "pig"):
        assert 0.45 < sum(name.startswith(animal) for name in first_half) / len(first_half) * 3 / 2 < 0.55


def test_a_file_name_sorts_like_its_number():
    assert Block(7, ()).file_name == "part-00007.parquet"
    names = [Block(number, ()).file_name for number in range(2000)]
    assert sorted(names) == names


def test_the_plan_and_its_id_stay_the_same_over_the_years():
    """Another plan would orphan the clips and features of every workspace there is."""
    blocks = plan_blocks(["a_0", "b_0", "c_0"], 2)
    assert [block.segment_ids for block in blocks] == PLAN
    lines = f"[0]\n{PLAN[0][0]}\n{PLAN[0][1]}\n[1]\n{PLAN[1][0]}"
    assert plan_id(blocks) == hashlib.sha256(lines.encode()).hexdigest()[:12] == PLAN_ID


@pytest.mark.parametrize(
    "other",
    [
        [Block(0, ("a", "b")), Block(1, ("c", "d"))],  # another segment
        [Block(0, ("a",)), Block(1, ("b", "c"))],  # another cut
        [Block(0, ("b", "a")), Block(1, ("c",))],  # another order
        [Block(0, ("a", "b", "c"))],  # another size
        [Block(0, ("a", "b"))],  # one less
    ],
)
def test_another_plan_has_another_id(other):
    assert plan_id(other) != plan_id([Block(0, ("a", "b")), Block(1, ("c",))])
