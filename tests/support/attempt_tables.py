"""Tables of attempts and canaries, as short rows, in seconds since a day in November."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from audiosetzsl.clips.ledger import LEDGER
from audiosetzsl.clips.signs import CANARIES
from audiosetzsl.clips.standing import COLUMNS

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
DAY_S, HOUR_S = 86400, 3600


def at(seconds):
    return BEGIN + timedelta(seconds=seconds)


def table(rows):
    """Attempts (segment, verdict, seconds), all by one egress at YouTube unless a fourth and fifth say where."""
    filled = [
        {"segment_id": s, "verdict": v, "at": at(t), "took_s": 0.0}
        | {"egress": rest[0] if rest else "here", "source": rest[1] if rest[1:] else "youtube"}
        for s, v, t, *rest in rows
    ]
    return pa.Table.from_pylist(filled, pa.schema([LEDGER.field(name) for name in COLUMNS]))


def canaries(*rows):
    filled = [{"egress": "here", "good": good, "message": "", "at": at(t)} for t, good in rows]
    return pa.Table.from_pylist(filled, CANARIES)


def well_around(*seconds):
    """Canaries that live half a minute before and after each moment."""
    return canaries(*((t + d, True) for t in seconds for d in (-30, 30)))
