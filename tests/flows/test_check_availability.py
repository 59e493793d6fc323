"""A check of availability: every video asked for once, without media, and what it says as a dated layer."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from command_line import cells
from command_line import run as audiosetzsl
from loopback_faults import Fault
from same_process import Here

from audiosetzsl.availability.layer import read_availability
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import ManifestError, SetupError
from audiosetzsl.manifest import load_manifest
from flows import check_availability as stage
from flows.check_availability import check_availability
from flows.planning import plan_workspace

# Once for all tests, so that none of them minds midnight.
TODAY = datetime.now(UTC).date()


def ago(days):
    """The day by which a check is called that began some days ago."""
    return str(TODAY - timedelta(days=days))


@pytest.fixture
def check(youtube):
    """Make a check of a workspace, in this process."""

    def made(storm, on=None, runner=None, **asking):
        how = replace(youtube.asking, **asking)
        return check_availability(storm.place.root, on, runner or Here(), how, today=TODAY)

    return made


class Breaking(Here):
    """Ctrl-C after so many blocks."""

    def __init__(self, n_blocks):
        self.n_blocks = n_blocks

    def map(self, name, function, blocks, meter=None, workers=None):
        yield from map(function, blocks[: self.n_blocks])
        raise KeyboardInterrupt


def break_off(check, storm, on=None, n_blocks=1):
    """A check that is broken off after some of its videos, one a block."""
    plan_workspace(storm.place, 1)
    with pytest.raises(KeyboardInterrupt):
        check(storm, on, Breaking(n_blocks))


def spoil(youtube, storm, message):
    """Let the first video of a storm answer with a message."""
    ytid = min(storm.right).rpartition("_")[0]
    youtube.server.faults[ytid] = [Fault("player", "message", message=message)]
    return ytid


def asked_for(youtube, storm):
    """Videos of a storm that the server was asked for, and forgotten for the next time."""
    ours = {name.rpartition("_")[0] for name in storm.right}
    found = [hit.ytid for hit in youtube.server.requests(server="player") if hit.ytid in ours]
    youtube.server.hits.clear()
    return set(found)


def checks(storm):
    """Days of the checks of a workspace."""
    return sorted(path.name for path in storm.place.checks("").iterdir())


def statuses(storm):
    """What is known of each video by now."""
    table = read_availability(storm.place.availability)
    return dict(zip(table["ytid"].to_pylist(), table["status"].to_pylist(), strict=True))


def test_a_check_gives_a_dated_layer_and_pulls_no_media(youtube, check, capsys):
    storm = youtube.storm(5)
    gone, doubtful, closed = (name.rpartition("_")[0] for name in sorted(storm.right)[:3])
    youtube.server.faults[gone] = [Fault("player", "message", message="private")]
    youtube.server.faults[doubtful] = [Fault("player", "message", message="unavailable")]
    youtube.server.faults[closed] = [Fault("player", "message", message="age")]
    assert check(storm, ago(0)) == {"alive": 2, "private": 1, "unavailable": 1, "age": 1}
    assert youtube.server.requests(server="media") == []
    status = statuses(storm)
    assert [status[ytid] for ytid in (gone, doubtful, closed)] == ["gone", "gone", "closed"]
    assert sorted(status.values()) == ["alive", "alive", "closed", "gone", "gone"]
    latest = max(read_availability(storm.place.availability)["checked_at"].to_pylist()).date()
    left = load_manifest(storm.place.manifest, alive_on=latest, availability=storm.place.availability)
    assert set(left.ytid) == set(status) - {gone, doubtful}
    told = capsys.readouterr().out
    assert f"The check of {TODAY}" in told
    assert cells(told)[-4:] == [
        ["alive", "2", "40.0%"],
        ["closed", "1", "20.0%"],
        ["gone", "2", "40.0%"],
        ["unknown", "0", "0.0%"],
    ]
    assert f"5 videos of it are in {storm.place.availability}; `audiosetzsl survivors --workspace" in told


# Which check


def test_a_check_that_is_done_is_not_asked_again_on_its_day(youtube, check, capsys):
    storm = youtube.storm(3)
    check(storm)
    assert f"the check of {TODAY} begins\n" in capsys.readouterr().out
    youtube.server.hits.clear()
    check(storm)
    assert youtube.server.hits == []
    assert f"the check of {TODAY} is done\n" in capsys.readouterr().out


@pytest.mark.parametrize("on", ["today", "", "2026-02-30"])
def test_a_day_that_is_none_is_refused(youtube, check, on):
    with pytest.raises(SetupError, match=rf"^--on is '{on}', expected a day as YYYY-MM-DD$"):
        check(youtube.storm(1), on)


def test_a_day_to_come_is_refused_but_for_the_one_that_has_begun_in_the_east(youtube, check):
    storm = youtube.storm(1)
    with pytest.raises(SetupError) as refused:
        check(storm, "2062-11-24")
    assert str(refused.value) == (
        f"--on is 2062-11-24, which is still to come; expected today, {TODAY} (UTC), or a day before"
    )
    with pytest.raises(SetupError, match="which is still to come"):
        check(storm, ago(-2))
    assert not storm.place.checks("").exists()
    assert check(storm, ago(-1)) == {"alive": 1}
    assert checks(storm) == [ago(-1)]


def test_verdicts_are_asked_for_again_in_the_latest_check_done_or_not(youtube, check, capsys):
    storm = youtube.storm(3)
    closed = spoil(youtube, storm, "age")
    check(storm, ago(70))
    check(storm, ago(60))
    assert statuses(storm)[closed] == "closed"
    youtube.server.faults.clear()
    asked_for(youtube, storm)
    assert check(storm, again=(Verdict.AGE, Verdict.GEO)) == {"alive": 3}
    assert asked_for(youtube, storm) == {closed}
    assert checks(storm) == [ago(70), ago(60)]
    assert f"the check of {ago(60)}, the latest; age, geo are asked for again\n" in capsys.readouterr().out


def test_verdicts_asked_for_again_where_there_is_no_check_begin_one(youtube, check):
    storm = youtube.storm(1)
    assert check(storm, again=(Verdict.AGE,)) == {"alive": 1}
    assert checks(storm) == [ago(0)]


@pytest.mark.parametrize(("days", "goes_on"), [(1, True), (44, True), (45, False), (60, False)])
def test_a_check_that_is_not_done_goes_on_for_45_days(youtube, check, capsys, days, goes_on):
    storm = youtube.storm(2)
    to_come = spoil(youtube, storm, "premiere")
    # A premiere is asked for again hours later.
    patient = {"patience": replace(youtube.asking.patience, later_s=3600.0), "wait": False}
    check(storm, ago(days), **patient)
    assert "1 segments are to be asked for again" in capsys.readouterr().out
    asked_for(youtube, storm)
    check(storm, **patient)
    told = capsys.readouterr().out
    if goes_on:
        assert asked_for(youtube, storm) == set()
        assert checks(storm) == [ago(days)]
        assert (
            f"the check of {ago(days)} goes on: 1 segments are open; `--on {TODAY}` begins another\n" in told
        )
    else:
        assert asked_for(youtube, storm) == {to_come, *statuses(storm)}
        assert checks(storm) == [ago(days), ago(0)]
        assert f"the check of {TODAY} begins; `--on DAY` goes on with an older one\n" in told


def test_what_is_done_or_still_to_come_does_not_hide_what_is_not_done(youtube, check, capsys):
    storm = youtube.storm(3)
    break_off(check, storm, ago(9))
    break_off(check, storm, ago(6))
    check(storm, ago(3))
    shutil.copytree(storm.place.checks(ago(3)), storm.place.checks("2062-11-24"))
    storm.place.checks("about-us-x").mkdir()
    storm.place.checks("2026-99-99").mkdir()
    asked_for(youtube, storm)
    assert check(storm) == {"alive": 3}
    assert len(asked_for(youtube, storm)) == 2
    assert (
        f"the check of {ago(6)} goes on: 2 segments are open; `--on {TODAY}` begins"
        in capsys.readouterr().out
    )
    check(storm)
    assert f"the check of {ago(9)} goes on: 2 segments are open;" in capsys.readouterr().out
    check(storm)
    assert checks(storm)[-2:] == ["2062-11-24", "about-us-x"] and ago(0) in checks(storm)


def test_a_check_of_today_goes_on_without_the_offer_of_another(youtube, check, capsys):
    storm = youtube.storm(3)
    break_off(check, storm)
    check(storm)
    assert f"the check of {TODAY} goes on: 2 segments are open\n" in capsys.readouterr().out
    assert checks(storm) == [ago(0)]


# What is known before the end


def test_a_check_that_is_broken_off_leaves_what_it_knows(youtube, check):
    storm = youtube.storm(4)
    gone = spoil(youtube, storm, "private")
    break_off(check, storm, n_blocks=2)
    status = statuses(storm)
    assert len(status) == 2 and status.pop(gone) == "gone" and set(status.values()) == {"alive"}
    left = load_manifest(storm.place.manifest, alive_on=ago(-1), availability=storm.place.availability)
    assert len(left) == 3 and gone not in set(left.ytid)
    rows = cells(audiosetzsl("survivors", "--workspace", storm.place.root, "--thin", 0))
    totals = next(row for row in rows if row[:2] == ["all", "all"])
    assert totals == ["all", "all", "4", "1", "0", "1", "2", "3", "75.0%"]
    before = read_availability(storm.place.availability).to_pylist()
    check(storm)
    after = read_availability(storm.place.availability).to_pylist()
    assert len(after) == 4 and all(row in after for row in before)


def test_a_check_that_is_broken_off_before_the_first_answer_writes_nothing(youtube, check):
    storm = youtube.storm(2)
    break_off(check, storm, n_blocks=0)
    assert not storm.place.availability.exists()


class Looking(Here):
    """Counts the rows of availability.parquet before each block."""

    def __init__(self, storm):
        self.storm, self.found = storm, []

    def map(self, name, function, blocks, meter=None, workers=None):
        for block in blocks:
            path = self.storm.place.availability
            self.found.append(len(read_availability(path)) if path.is_file() else 0)
            yield function(block)


@pytest.mark.parametrize(("every_s", "found"), [(0.0, [0, 1, 2]), (3600.0, [0, 0, 0])])
def test_what_is_known_is_noted_now_and_then_within_a_pass(youtube, check, monkeypatch, every_s, found):
    monkeypatch.setattr(stage, "NOTE_S", every_s)
    storm = youtube.storm(3)
    plan_workspace(storm.place, 1)
    runner = Looking(storm)
    check(storm, runner=runner)
    assert runner.found == found


def test_each_pass_is_noted(youtube, check):
    storm = youtube.storm(2)
    doubtful = spoil(youtube, storm, "unavailable")
    runner = Looking(storm)
    check(storm, runner=runner)
    assert len(runner.found) > 1, "the second look is a pass of its own"
    assert set(runner.found[1:]) == {2}
    assert statuses(storm)[doubtful] == "gone"


def test_what_a_killed_run_knew_is_noted_by_the_next(youtube, check):
    storm = youtube.storm(2)
    check(storm)
    storm.place.availability.unlink()
    youtube.server.hits.clear()
    check(storm)
    assert youtube.server.hits == [] and len(statuses(storm)) == 2


def test_a_damaged_availability_is_told_before_anybody_is_asked(youtube, check):
    storm = youtube.storm(1)
    storm.place.availability.write_bytes(b"PAR1")
    with pytest.raises(ManifestError, match=r"availability\.parquet is damaged"):
        check(storm)
    assert youtube.server.hits == []


def test_a_full_disk_is_told(youtube, check, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    storm = youtube.storm(1)
    monkeypatch.setattr(stage, "record_check", full)
    with pytest.raises(SetupError, match=r"^no space is left for .*; nothing is lost: make"):
        check(storm)
    monkeypatch.undo()
    youtube.server.hits.clear()
    check(storm)
    assert youtube.server.hits == [] and len(statuses(storm)) == 1
