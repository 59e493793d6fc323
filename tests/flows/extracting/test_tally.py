"""Tallies: how far blocks are, told to whoever watches, and where a process died."""

import pytest

from audiosetzsl.blocks import Block
from flows.extracting.tally import TallyMeter, start_over, tally_of

BLOCKS = [Block(0, ("a", "b", "c")), Block(1, ("d", "e"))]


@pytest.fixture
def root(tmp_path):
    start_over(tmp_path, BLOCKS)
    return tmp_path


def test_the_meter_counts_clips_that_are_behind(root):
    meter = TallyMeter(root, BLOCKS)
    assert (meter.total, meter.read()) == (5, (0, ""))
    first, second = (tally_of(root, block) for block in BLOCKS)
    first.begin("a")
    assert meter.read() == (0, "")
    first.begin("b")
    second.begin("d")
    assert meter.read() == (1, "")
    first.end(3)
    assert meter.read() == (3, "")
    second.end(2)
    assert meter.read() == (5, "")


def test_where_a_block_broke_off_is_suspected_for_as_long_as_the_block_is_not_done(root):
    tally_of(root, BLOCKS[0]).begin("b")
    start_over(root, BLOCKS)
    assert tally_of(root, BLOCKS[0]).suspects == ["b"]
    assert tally_of(root, BLOCKS[0]).begun == 0
    tally = tally_of(root, BLOCKS[0])
    tally.begin("c")
    start_over(root, BLOCKS)
    start_over(root, BLOCKS)
    assert tally_of(root, BLOCKS[0]).suspects == ["b", "c"]
    assert tally_of(root, BLOCKS[1]).suspects == []


def test_a_block_that_ended_suspects_nobody(root):
    tally = tally_of(root, BLOCKS[0])
    tally.begin("b")
    tally.end(3)
    start_over(root, BLOCKS)
    assert tally_of(root, BLOCKS[0]).suspects == []


@pytest.mark.parametrize("content", ["", "{", '{"other": 1}', "[]"])
def test_a_tally_that_a_power_cut_left_half_is_none(root, content):
    tally_of(root, BLOCKS[0]).path.write_text(content)
    assert tally_of(root, BLOCKS[0]).begun == 0
    start_over(root, BLOCKS)
