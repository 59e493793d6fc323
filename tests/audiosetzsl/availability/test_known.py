"""What is known at a date, and the manifest without the videos that were gone by then."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import audiosetzsl
from audiosetzsl.availability import known, published
from audiosetzsl.availability.known import end_of, known_by, observations
from audiosetzsl.availability.layer import write_availability
from audiosetzsl.clips.standing import Life
from audiosetzsl.errors import ManifestError, SetupError
from audiosetzsl.manifest import load_manifest, load_manifest_table

A, B, C, D, E = "-aaaaaaaaaa", "bbbbbbbbbbb", "ccccccccccc", "ddddddddddd", "eeeeeeeeeee"


@pytest.mark.parametrize(
    ("on", "end"),
    [
        ("2026-11-24", datetime(2026, 11, 25, tzinfo=UTC)),
        ("2026-11", datetime(2026, 12, 1, tzinfo=UTC)),
        ("2026-12", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2024-02", datetime(2024, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_date_ends_with_its_day_or_month(on, end):
    assert end_of(on) == end


@pytest.mark.parametrize(
    "on", ["", "2026", "2026-13", "2026-00", "2026-11-31", "24.11.2026", "9999-12-31", "2026-11-24 "]
)
def test_what_is_no_date_is_refused(on):
    with pytest.raises(
        ManifestError, match=rf"^'{on}' is no date, expected a month such as 2026-11 or a day"
    ):
        end_of(on)


def test_the_latest_observation_that_says_something_counts(row, table):
    rows = table(
        row(A, "alive", "01"),
        row(A, "gone", "03"),
        row(A, "unknown", "05"),
        row(B, "gone", "01T23:59:59"),
        row(B, "alive", "02", "a-list", reason="1"),
        row(C, "gone", "01", "a-list", reason="0"),
        row(C, "closed", "01"),
        row(C, "unknown", "01", "b-list"),
        row(D, "unknown", "01"),
    )
    everything = {A: Life.GONE, B: Life.ALIVE, C: Life.CLOSED, D: Life.UNKNOWN}
    assert known_by(rows) == known_by(rows, "2026-11") == known_by(rows, "2026-11-30") == everything
    assert known_by(rows, "2026-11-02") == everything | {A: Life.ALIVE}
    assert known_by(rows, "2026-11-01") == everything | {A: Life.ALIVE, B: Life.GONE}


def test_no_observation_by_then_says_which_there_are_and_how_to_get_some(row, table):
    with pytest.raises(ManifestError) as refused:
        known_by(table(row(A, "gone", "03"), row(B, "gone", "03"), row(B, "gone", "04")), "2026-10")
    assert str(refused.value) == (
        "no video was observed on or before 2026-10 (there are observations of 2026-11-03, 2026-11-04); "
        "check the videos with `python -m flows check-availability`, or import a list with `audiosetzsl "
        "import-availability`, and name the workspace's availability.parquet"
    )
    with pytest.raises(
        ManifestError, match=r"^no video was observed yet \(there are no observations at all\); check"
    ):
        known_by(table())
    many = table(*(row(A, "gone", f"{day:02}") for day in range(1, 10)))
    few = "2026-11-01, 2026-11-02, 2026-11-03, ..., 2026-11-08, 2026-11-09"
    with pytest.raises(ManifestError, match=rf"there are observations of {few}\)"):
        known_by(many, "2026-10")


VIDEOS = [A, B, C]
ROWS = st.lists(
    st.tuples(
        st.sampled_from(VIDEOS), st.integers(1, 5), st.sampled_from("xyz"), st.sampled_from(list(Life))
    ),
    min_size=1,
    max_size=15,
    unique_by=lambda r: r[:3],
)


@given(rows=ROWS, day=st.integers(1, 5), order=st.randoms())
@settings(deadline=None)
def test_what_is_known_is_what_walking_through_the_days_gives(row, table, rows, day, order):
    latest = {}
    for life in (Life.UNKNOWN, Life.GONE, Life.CLOSED, Life.ALIVE):
        for ytid, at, _, said in rows:
            if at <= day and said is life:
                when = (life is not Life.UNKNOWN, at)
                if ytid not in latest or latest[ytid][0] <= when:
                    latest[ytid] = when, life
    shuffled = order.sample(rows, len(rows))
    made = table(*(row(ytid, str(life), f"{at:02}", source) for ytid, at, source, life in shuffled))
    if latest:
        assert known_by(made, f"2026-11-{day:02}") == {ytid: life for ytid, (_, life) in latest.items()}
    else:
        with pytest.raises(ManifestError, match="no video was observed on or before"):
            known_by(made, f"2026-11-{day:02}")


# The manifest


@pytest.fixture
def observed(tmp_path, row, table):
    """Observations of one's own: A dies on the 3rd, B is back on the 4th, nobody looked at D and E."""
    rows = [row(A, "alive", "01"), row(A, "gone", "03"), row(B, "gone", "02"), row(B, "alive", "04")]
    return write_availability(table(*rows, row(C, "closed", "02")), tmp_path / "seen.parquet")


@pytest.mark.parametrize(
    ("on", "left"),
    [
        ("2026-11-01", [A, B, C, D, E]),
        ("2026-11-02", [A, C, D, E]),
        ("2026-11-03", [C, D, E]),
        ("2026-11-04", [B, C, D, E]),
        ("2026-11", [B, C, D, E]),
    ],
)
def test_who_was_gone_is_left_out_and_who_was_never_observed_stays(workspace, observed, on, left):
    frame = load_manifest(workspace.manifest, alive_on=on, availability=observed)
    assert list(frame.ytid) == left
    table = load_manifest_table(workspace.manifest, alive_on=on, availability=observed)
    assert table["ytid"].to_pylist() == left


def test_it_joins_with_the_other_choices(workspace, observed):
    options = {"alive_on": "2026-11-03", "availability": observed}
    assert list(load_manifest(workspace.manifest, split="test", **options).ytid) == [C, E]
    assert list(load_manifest(workspace.manifest, seen=True, classes=["dog"], **options).ytid) == [C]


def test_a_day_may_be_a_date_and_a_path_may_be_text(workspace, observed):
    frame = load_manifest(str(workspace.manifest), alive_on=date(2026, 11, 3), availability=str(observed))
    assert list(frame.ytid) == [C, D, E]
    with pytest.raises(ManifestError, match=r"^'2026-11-03 12:00:00' is no date, expected a month such as"):
        load_manifest(workspace.manifest, alive_on=datetime(2026, 11, 3, 12), availability=observed)
    with pytest.raises(ManifestError, match=r"does not exist"):
        load_manifest("", alive_on="2026-11", availability=observed)
    with pytest.raises(ManifestError, match=r"does not exist"):
        load_manifest(workspace.manifest, alive_on="2026-11", availability="")


def test_observations_without_a_date_are_refused(workspace, observed):
    with pytest.raises(SetupError) as refused:
        load_manifest(workspace.manifest, availability=observed)
    assert str(refused.value) == (
        f"availability is '{observed}' and alive_on is not given; name the month (2026-11) or day (2026-11-24) by "
        "which to judge as alive_on, or leave availability out"
    )


def test_observations_of_other_videos_are_refused(workspace, tmp_path, row, table):
    strangers = row("zzzzzzzzzzz", "gone", "01"), row("yyyyyyyyyyy", "alive", "01")
    path = write_availability(table(*strangers, row(A, "gone", "03")), tmp_path / "theirs.parquet")
    with pytest.raises(ManifestError) as refused:
        load_manifest(workspace.manifest, alive_on="2026-11-02", availability=path)
    assert str(refused.value) == (
        f"of the 2 videos that were observed on or before 2026-11-02, none is in the manifest; {known.HOW_TO_GET}"
    )
    assert list(load_manifest(workspace.manifest, alive_on="2026-11-03", availability=path).ytid) == [
        B,
        C,
        D,
        E,
    ]


def test_a_choice_of_which_nothing_was_observed_is_whole(workspace, observed):
    """What a check that is half done knows concerns the manifest, if not each class of it."""
    options = {"alive_on": "2026-11", "availability": observed}
    assert list(load_manifest(workspace.manifest, classes=["bus"], **options).ytid) == [D, E]


def test_a_date_before_all_observations_and_an_absent_file_are_refused(workspace, observed, tmp_path):
    with pytest.raises(ManifestError, match=r"no video was observed on or before 2026-10 \(there are observ"):
        load_manifest(workspace.manifest, alive_on="2026-10", availability=observed)
    with pytest.raises(ManifestError, match=r"'November' is no date"):
        load_manifest(workspace.manifest, alive_on="November", availability=observed)
    with pytest.raises(ManifestError, match=r"none\.parquet does not exist"):
        load_manifest(workspace.manifest, alive_on="2026-11", availability=tmp_path / "none.parquet")


def test_without_a_file_all_published_snapshots_are_read(workspace, tmp_path, monkeypatch, row, table):
    folder = tmp_path / "manifests" / "availability"
    monkeypatch.setattr(published, "published_path", lambda: tmp_path / "manifests" / "audiosetzsl.parquet")
    with pytest.raises(
        ManifestError, match=r"no video was observed on or before 2026-11 \(there are no observ"
    ):
        load_manifest(workspace.manifest, alive_on="2026-11")
    write_availability(table(row(A, "gone", "01"), row(B, "gone", "01")), folder / "2026-11-01.parquet")
    write_availability(table(row(A, "alive", "05")), folder / "2026-11-05.parquet")
    (folder / "README.md").write_text("about")
    write_availability(table(row(C, "gone", "01")), folder / "mine.parquet")
    assert list(load_manifest(workspace.manifest, alive_on="2026-11-04").ytid) == [C, D, E]
    assert list(load_manifest(workspace.manifest, alive_on="2026-11").ytid) == [A, C, D, E]
    assert len(observations()) == 3


def test_the_published_manifest_says_that_nobody_has_looked_yet():
    """Goes once a snapshot is published; then this test asks for a month before it."""
    if known.snapshot_paths(known.published_folder()):
        pytest.skip("a snapshot is published")
    with pytest.raises(ManifestError, match="there are no observations at all"):
        audiosetzsl.load_manifest(alive_on="2026-11")
