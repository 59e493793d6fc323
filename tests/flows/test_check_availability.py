"""A check of availability: every video asked for once, without media, and what it says as a dated layer."""

import pytest
from loopback_faults import Fault
from same_process import Here

from audiosetzsl.availability.layer import read_availability
from audiosetzsl.errors import SetupError
from audiosetzsl.manifest import load_manifest
from flows.check_availability import check_availability


def test_a_check_gives_a_dated_layer_and_pulls_no_media(youtube):
    storm = youtube.storm(5)
    gone, doubtful, closed = (name.rpartition("_")[0] for name in sorted(storm.right)[:3])
    youtube.server.faults[gone] = [Fault("player", "message", message="private")]
    youtube.server.faults[doubtful] = [Fault("player", "message", message="unavailable")]
    youtube.server.faults[closed] = [Fault("player", "message", message="age")]
    counts = check_availability(storm.place.root, "2026-11-24", Here(), youtube.asking)
    assert counts == {"alive": 2, "private": 1, "unavailable": 1, "age": 1}
    assert youtube.server.requests(server="media") == []
    table = read_availability(storm.place.availability)
    status = dict(zip(table["ytid"].to_pylist(), table["status"].to_pylist(), strict=True))
    assert [status[ytid] for ytid in (gone, doubtful, closed)] == ["gone", "gone", "closed"]
    assert sorted(status.values()) == ["alive", "alive", "closed", "gone", "gone"]
    today = str(table["checked_at"][0].as_py().date())
    left = load_manifest(storm.place.manifest, alive_on=today, availability=storm.place.availability)
    assert set(left.ytid) == set(status) - {gone, doubtful}


def test_a_check_that_is_done_is_not_asked_again_on_its_day(youtube):
    storm = youtube.storm(3)
    check_availability(storm.place.root, None, Here(), youtube.asking)
    before = len(youtube.server.hits)
    check_availability(storm.place.root, None, Here(), youtube.asking)
    assert len(youtube.server.hits) == before


def test_a_day_that_is_none_is_refused(youtube):
    with pytest.raises(SetupError, match=r"--on is 'today', expected a day as YYYY-MM-DD"):
        check_availability(youtube.storm(1).place.root, "today", Here(), youtube.asking)
