"""Standings of any ledger: whatever was answered when, some things always hold."""

from attempt_tables import DAY_S, at, canaries, table
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.clips.standing import Life, standings
from audiosetzsl.clips.verdicts import Nature, Verdict, nature_of

LATER = 10 * DAY_S  # when the tests look
SEGMENTS = [f"{letter * 11}_0" for letter in "abc"]
TIMES = st.integers(0, 60).map(lambda n: n * 1800)
ATTEMPTS = st.lists(
    st.tuples(
        st.sampled_from(SEGMENTS),
        st.sampled_from(list(Verdict)),
        TIMES,
        st.sampled_from(["here", "there", None]),
    ),
    max_size=12,
    unique_by=lambda row: (row[0], row[2]),
)
SIGNS = st.lists(st.tuples(TIMES, st.booleans()), max_size=12)


@given(ATTEMPTS, SIGNS, st.randoms())
@settings(deadline=None)
def test_the_order_of_rows_does_not_matter(rows, signs, random):
    shuffled = random.sample(rows, len(rows))
    now = at(LATER)
    assert standings(table(shuffled), canaries(*signs), now) == standings(table(rows), canaries(*signs), now)


@given(ATTEMPTS, SIGNS, TIMES, TIMES)
@settings(deadline=None)
def test_what_is_settled_never_becomes_due_with_time(rows, signs, sooner, later):
    sooner, later = sorted((sooner, later))
    known = table([row for row in rows if row[2] <= sooner]), canaries(*(s for s in signs if s[0] <= sooner))
    before, after = (standings(*known, at(moment)) for moment in (sooner, later))
    for name, standing in before.items():
        if standing.settled:
            assert after[name] == standing and after[name].life is standing.life


@given(ATTEMPTS, SIGNS, SIGNS, TIMES)
@settings(deadline=None)
def test_what_is_settled_stays_so_when_more_is_known(rows, signs, more, when):
    """Later rows and signs, of this and other segments, take nothing back but by a later answer of the video."""
    early = [row for row in rows if row[2] <= when]
    before = standings(table(early), canaries(*(s for s in signs if s[0] <= when)), at(when))
    others = [row for row in rows if row[2] > when]
    all_signs = [s for s in signs if s[0] <= when] + [s for s in more if s[0] > when]
    for name, standing in before.items():
        if standing.settled:
            grown = early + [row for row in others if row[0] != name]
            assert standings(table(grown), canaries(*all_signs), at(LATER))[name] == standing


@given(ATTEMPTS, SIGNS)
@settings(deadline=None)
def test_who_is_gone_was_said_to_be_so_by_a_well_session(rows, signs):
    for name, standing in standings(table(rows), canaries(*signs), at(LATER)).items():
        if standing.life is Life.GONE:
            natures = {nature_of(verdict) for s, verdict, *_ in rows if s == name}
            assert natures & {Nature.GONE, Nature.DOUBTFUL}
            assert Nature.GOT not in natures
