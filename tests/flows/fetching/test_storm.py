"""Faults, blackouts and kills at once: every segment ends with its one right verdict, and nothing is lost."""

import fault_storm
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
SHARE = 0.85
N = round(1.25 * len(fault_storm.FAULTS) / SHARE)


@pytest.fixture(scope="module")
def storm(film, tmp_path_factory):
    """A storm that is over: every fault at least once, among segments without; two kills."""
    folder = tmp_path_factory.mktemp("storm")
    with fault_storm.serve(film) as server:
        made = fault_storm.make_storm(folder / "work", server, N, seed=2, share=SHARE)
        config = fault_storm.write_config(server, folder / "yt-dlp.conf")
        fault_storm.run(made, server, config, kills=2, seed=2, blackouts=1)
        yield made, server


def test_every_segment_ends_with_the_verdict_that_is_right_for_its_fault(storm):
    made, _ = storm
    assert set(fault_storm.FAULTS) == set(made.kinds.values()) - {""}
    assert fault_storm.wrong(made) == {}


def test_no_clip_is_fetched_twice_and_none_is_lost_or_partial(storm):
    made, server = storm
    assert fault_storm.fetched_again(made, server) == []
    assert fault_storm.several_ends(made) == []
    assert fault_storm.leftovers(made) == []


def test_the_ledger_can_be_read_throughout(storm):
    made, _ = storm
    assert made.unreadable == []
    assert made.looks > 10
