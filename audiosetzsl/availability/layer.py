"""Availability layer: who saw which video alive, closed or gone, and when."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.clips.standing import Life
from audiosetzsl.clips.verdicts import Verdict
from audiosetzsl.errors import ManifestError
from audiosetzsl.files import locked, read_table, write_table
from audiosetzsl.manifest import YTID

OWN = "audiosetzsl"  # the source of what this project's own checks found
CLOCKS = timedelta(days=1)  # by how much two machines may disagree about what is now
YOUTUBE_BEGAN = datetime(2005, 4, 23, tzinfo=UTC)  # its first video
# Of two observations of one moment the more alive is believed: a video that is there is not to be lost.
RANK = {life: rank for rank, life in enumerate((Life.UNKNOWN, Life.GONE, Life.CLOSED, Life.ALIVE))}
# One row per video and observation.
AVAILABILITY = pa.schema(
    [
        pa.field("ytid", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),  # alive, closed, gone, unknown
        pa.field("reason", pa.string(), nullable=False),  # the verdict, or the word of a third party's list
        pa.field("checked_at", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("n_attempts", pa.int32()),  # null where a list does not say
        pa.field("source", pa.string(), nullable=False),  # who says so: audiosetzsl, or the name of a list
        pa.field("tool", pa.string()),  # what asked, with its version; null where a list does not say
    ]
)
_KEY = ("ytid", "checked_at", "source")


def write_availability(table: pa.Table, path: Path, now: datetime | None = None) -> Path:
    """Check and write observations, in the order of video, time and source; the same rows give the same file."""
    ordered = in_order(table)
    check_availability(ordered, path, now)
    return write_table(ordered, path, AVAILABILITY)


def read_availability(path: Path, now: datetime | None = None) -> pa.Table:
    """Read observations, page checksums verified and every rule checked.

    Raises:
        ManifestError: the file is absent, damaged, or breaks a rule of `check_availability`.
    """
    table = read_table(path, AVAILABILITY)
    check_availability(table, path, now)
    return table


def in_order(table: pa.Table) -> pa.Table:
    """Observations in the order of the file, in one chunk and without metadata."""
    keys = [(name, "ascending") for name in _KEY]
    return table.sort_by(keys).combine_chunks().replace_schema_metadata(None)


def check_availability(table: pa.Table, path: Path, now: datetime | None = None) -> None:
    """Hold observations to their rules.

    Raises:
        ManifestError: names the rule and the first video that breaks it.
    """

    def refuse(broken: pa.ChunkedArray, rule: str) -> None:
        if pc.any(broken).as_py():
            first = table.filter(broken)["ytid"][0].as_py()
            raise ManifestError(f"{path}: video {first}: {rule}; make the file again")

    source = table["source"]
    moment = pa.scalar((now or datetime.now(UTC)) + CLOCKS, AVAILABILITY.field("checked_at").type)
    refuse(pc.invert(pc.match_substring_regex(table["ytid"], f"^{YTID.pattern}$")), "its id is malformed")
    lives = pa.array([str(life) for life in Life])
    refuse(pc.invert(pc.is_in(table["status"], lives)), f"its status is none of {', '.join(Life)}")
    refuse(pc.equal(pc.utf8_length(table["reason"]), 0), "its reason is empty")
    refuse(pc.equal(pc.utf8_length(source), 0), "its source is empty")
    verdicts = pa.array([str(verdict) for verdict in Verdict])
    strange = pc.and_(pc.equal(source, OWN), pc.invert(pc.is_in(table["reason"], verdicts)))
    refuse(strange, f"its reason is no verdict, though {OWN} itself says so")
    refuse(pc.greater(table["checked_at"], moment), "it was checked in the future")
    began = pa.scalar(YOUTUBE_BEGAN, moment.type)
    refuse(pc.less(table["checked_at"], began), "it was checked before there was YouTube")
    refuse(pc.fill_null(pc.less(table["n_attempts"], 1), False), "it has fewer attempts than one")
    counts = table.group_by(list(_KEY)).aggregate([([], "count_all")])
    if len(counts) < len(table):
        twice = counts.filter(pc.greater(counts["count_all"], 1)).sort_by("ytid")["ytid"][0].as_py()
        raise ManifestError(
            f"{path}: video {twice}: two observations of one moment by one source; make the file again"
        )


def add_observations(
    path: Path,
    rows: pa.Table,
    now: datetime | None = None,
    *,
    instead_of: Collection[tuple[str, datetime]] = (),
) -> int:
    """Add observations to a file, which is made if absent; what it holds already is not added twice.

    Args:
        path: the file.
        rows: what to add.
        now: for tests.
        instead_of: videos and moments of which this project's own observations are taken out first: a check
            that goes on judges its earlier answers anew.

    Returns:
        How many more the file holds now.

    Raises:
        ManifestError: a row contradicts what the same source said of the same moment, or breaks a rule.
    """
    with locked(path.with_name(f".{path.name}.lock")):  # a check and an import may come together
        there = read_availability(path, now) if path.is_file() else AVAILABILITY.empty_table()
        both = pa.concat_tables(
            [t.replace_schema_metadata(None) for t in (_without(there, instead_of), rows)]
        )
        said = both.group_by([*_KEY, "status", "reason"], use_threads=False).aggregate(
            [("n_attempts", "first"), ("tool", "first")]
        )
        united = said.rename_columns([name.removesuffix("_first") for name in said.column_names])
        united = in_order(united.select(AVAILABILITY.names).cast(AVAILABILITY))
        _refuse_contradictions(united, path)
        if not path.is_file() or not united.equals(in_order(there)):
            write_availability(united, path, now)
    return len(united) - len(there)


def _without(table: pa.Table, moments: Collection[tuple[str, datetime]]) -> pa.Table:
    """Observations without this project's own of these videos and moments."""
    if not moments:
        return table
    columns = [table[name].to_pylist() for name in _KEY]
    stays = [source != OWN or (ytid, at) not in moments for ytid, at, source in zip(*columns, strict=True)]
    return table.filter(pa.array(stays, pa.bool_()))


def _refuse_contradictions(united: pa.Table, path: Path) -> None:
    counts = united.group_by(list(_KEY)).aggregate([([], "count_all")])
    torn = counts.filter(pc.greater(counts["count_all"], 1)).sort_by("ytid")
    if not len(torn):
        return
    ytid, checked_at, source = (torn[name][0].as_py() for name in _KEY)
    of_it = united.filter(pc.and_(pc.equal(united["ytid"], ytid), pc.equal(united["source"], source)))
    said = [row for row in of_it.to_pylist() if row["checked_at"] == checked_at]
    words = " and ".join(f"{row['status']} ({row['reason']})" for row in said)
    raise ManifestError(
        f"{path}: {source} says of {ytid} at {checked_at:%Y-%m-%d %H:%M} that it is {words}, expected one; "
        "nothing was added; if the list was corrected, import it under another name"
    )
