"""The funnel and the agenda: every segment of the manifest is counted once, whatever the ledger holds."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.clips.flags import Flag
from audiosetzsl.clips.funnel import BAD, Agenda, Funnel, agenda_of, funnel_of
from audiosetzsl.clips.ledger import LEDGER
from audiosetzsl.clips.signs import CANARIES
from audiosetzsl.clips.standing import BEGINNING, COLUMNS, Attempt, Life, Standing, standings
from audiosetzsl.clips.verdicts import Nature, Verdict, nature_of

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
SEGMENTS = [f"{number:011}_0" for number in range(12)]
STRANGER = "zzzzzzzzzzz_0"


def at(seconds):
    return BEGIN + timedelta(seconds=seconds)


TIMES = st.integers(0, 100).map(lambda n: n * 1200)
LEDGERS = st.lists(
    st.tuples(
        st.sampled_from([*SEGMENTS, STRANGER]),
        st.sampled_from(list(Verdict)),
        TIMES,
        st.sampled_from(["here", None]),
    ),
    max_size=40,
)
SIGNS = st.lists(st.tuples(TIMES, st.booleans()), max_size=20)
FLAGS = st.dictionaries(
    st.sampled_from([*SEGMENTS, STRANGER]), st.sets(st.sampled_from([str(f) for f in Flag]))
)


def judged(rows, signs, now):
    schema = pa.schema([LEDGER.field(name) for name in COLUMNS])
    attempts = pa.Table.from_pylist(
        [
            {"segment_id": s, "verdict": v, "at": at(t), "egress": egress, "source": "youtube", "took_s": 0.0}
            for s, v, t, egress in rows
        ],
        schema,
    )
    canaries = [{"egress": "here", "good": good, "message": "", "at": at(t)} for t, good in signs]
    return standings(attempts, pa.Table.from_pylist(canaries, CANARIES), now)


def slow_step(name, found, flags):
    """The last step of the funnel that one segment came to, in words."""
    if name not in found:
        return "never asked"
    if found[name].verdict == "ok":
        bad = {"silent", "still", "no_audio", "short", "duplicate"} & set(flags.get(name, []))
        return "bad" if bad else "good"
    told = found[name].told
    if told is None:
        return "unknown"
    nature = nature_of(told.verdict)
    if nature in (Nature.GONE, Nature.DOUBTFUL):
        return "gone"
    return "closed" if nature is Nature.CLOSED else "no clip"


@given(LEDGERS, SIGNS, FLAGS, TIMES)
@settings(deadline=None)
def test_the_funnel_adds_up_and_is_what_counting_one_by_one_gives(rows, signs, flags, now):
    found = judged(rows, signs, at(now))
    ours = {name: standing for name, standing in found.items() if name in SEGMENTS}
    funnel = funnel_of(SEGMENTS, ours, flags)
    assert funnel == funnel_of(SEGMENTS, found, flags), "segments of other manifests do not count"
    lines = {name.strip(): n for name, n in funnel.lines()}
    steps = Counter(slow_step(name, ours, flags) for name in SEGMENTS)
    leaves = ("never asked", "closed", "gone", "unknown", "no clip", "bad", "good")
    assert {name: lines[name] for name in leaves} == {name: steps[name] for name in leaves}
    assert sum(steps.values()) == lines["candidates"] == len(SEGMENTS)
    assert lines["candidates"] == lines["never asked"] + lines["asked"]
    assert lines["asked"] == lines["closed"] + lines["gone"] + lines["unknown"] + lines["alive"]
    assert lines["alive"] == lines["no clip"] + lines["fetched"]
    assert lines["fetched"] == lines["bad"] + lines["good"]
    assert min(lines.values()) >= 0


@given(LEDGERS, SIGNS, TIMES)
@settings(deadline=None)
def test_every_segment_is_due_now_or_later_or_settled(rows, signs, now):
    found = judged(rows, signs, at(now))
    agenda = agenda_of(SEGMENTS, found, at(now))
    counts = Counter()
    later = []
    for name in SEGMENTS:
        if name not in found or found[name].is_due(at(now)):
            counts["now"] += 1
        elif found[name].settled:
            counts["settled"] += 1
        else:
            counts["later"] += 1
            later.append(found[name].due_at)
    assert agenda == Agenda(counts["now"], counts["later"], counts["settled"], min(later, default=None))
    assert agenda.open + agenda.settled == len(SEGMENTS)


def test_a_funnel_to_check_by_eye():
    def told(verdict, due_at=None):
        return Standing(Verdict(verdict), due_at, 1, Attempt(verdict, "here", at(0)))

    found = {
        SEGMENTS[0]: told("ok"),
        SEGMENTS[1]: told("ok"),
        SEGMENTS[2]: told("ok"),
        SEGMENTS[3]: told("stalled", at(600)),
        SEGMENTS[4]: told("past_end"),
        SEGMENTS[5]: told("private"),
        SEGMENTS[6]: told("age"),
        SEGMENTS[7]: Standing(Verdict.BOT_CHECK, at(900), 1),
        SEGMENTS[8]: Standing(None, BEGINNING, 1),
    }
    flags = {SEGMENTS[0]: ["long"], SEGMENTS[1]: ["silent", "long"], SEGMENTS[8]: ["silent"]}
    funnel = funnel_of(SEGMENTS, found, flags)
    assert funnel == Funnel(candidates=12, asked=9, alive=5, closed=1, gone=1, unknown=2, fetched=3, good=2)
    assert funnel.lines() == [
        ("candidates", 12),
        ("  never asked", 3),
        ("  asked", 9),
        ("    closed", 1),
        ("    gone", 1),
        ("    unknown", 2),
        ("    alive", 5),
        ("      no clip", 2),
        ("      fetched", 3),
        ("        bad", 1),
        ("        good", 2),
    ]
    assert found[SEGMENTS[7]].life is Life.UNKNOWN
    agenda = agenda_of(SEGMENTS, found, at(600))
    assert agenda == Agenda(now=5, later=1, settled=6, next_at=at(900))


def test_nothing_is_a_funnel_too():
    assert funnel_of([], {}, {}) == Funnel(0, 0, 0, 0, 0, 0, 0, 0)
    assert agenda_of([], {}, at(0)) == Agenda(0, 0, 0, None)


def test_a_clip_that_runs_long_is_good():
    assert set(Flag) - BAD == {Flag.LONG}
