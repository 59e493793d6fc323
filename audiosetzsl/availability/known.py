"""What is known of each video at the end of a day: the latest observation that says something."""

import calendar
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from audiosetzsl.availability.layer import AVAILABILITY, RANK, read_availability
from audiosetzsl.availability.published import published_folder, snapshot_paths
from audiosetzsl.clips.standing import Life
from audiosetzsl.errors import ManifestError

_ON = re.compile(r"(\d{4})-(\d{2})(?:-(\d{2}))?")
HOW_TO_GET = (
    "check the videos with `python -m flows check-availability`, or import a list with "
    "`audiosetzsl import-availability`, and name the workspace's availability.parquet"
)


def end_of(on: str) -> datetime:
    """The first moment after a day (2026-11-24) or a month (2026-11), in UTC.

    Raises:
        ManifestError: the text is neither.
    """
    found = _ON.fullmatch(on)
    try:
        year, month = int(found[1]), int(found[2])  # type: ignore[index]
        day = int(found[3] or calendar.monthrange(year, month)[1])  # type: ignore[index]
        return datetime.combine(date(year, month, day) + timedelta(days=1), time(), UTC)
    except (TypeError, ValueError, OverflowError):
        raise ManifestError(
            f"{on!r} is no date, expected a month such as 2026-11 or a day such as 2026-11-24"
        ) from None


def observations(availability: Path | None = None) -> pa.Table:
    """Observations of a file of one's own, or all that are published; there may be none published."""
    paths = snapshot_paths(published_folder()) if availability is None else [availability]
    return pa.concat_tables(
        [
            AVAILABILITY.empty_table(),
            *(read_availability(path).replace_schema_metadata(None) for path in paths),
        ]
    )


def known_by(table: pa.Table, on: str | None = None) -> dict[str, Life]:
    """What is known of each video that was observed, at the end of a day or month, or by now.

    The latest observation counts, whoever made it. One that says `unknown` does not count against one that
    says something, and of two of one moment the more alive is believed.

    Raises:
        ManifestError: the date is malformed, or there is no observation on or before it.
    """
    seen = latest(until(table, on))
    return {ytid: Life(status) for ytid, status in zip(seen.ytid, seen.status, strict=True)}


def until(table: pa.Table, on: str | None) -> pa.Table:
    """Observations on or before a day or month; all of them where no date is given.

    Raises:
        ManifestError: the date is malformed, or there is no observation on or before it.
    """
    kept = table
    if on is not None:
        kept = table.filter(pc.less(table["checked_at"], pa.scalar(end_of(on), table["checked_at"].type)))
    if not len(kept):
        raise ManifestError(
            f"no video was observed {f'on or before {on}' if on else 'yet'} ({_dates(table)}); {HOW_TO_GET}"
        )
    return kept


def latest(table: pa.Table) -> pd.DataFrame:
    """The observation of each video that counts, in the order of their ids."""
    frame: pd.DataFrame = table.to_pandas()
    rank = frame.status.map(RANK)
    frame = frame.assign(told=rank > RANK[Life.UNKNOWN], rank=rank)
    ordered = frame.sort_values(["ytid", "told", "checked_at", "rank", "source"], kind="stable")
    return ordered.drop_duplicates("ytid", keep="last").drop(columns=["told", "rank"])


def gone_by(manifest: pa.Table, on: str, availability: Path | None = None) -> pa.Array:
    """Ids of the videos that were gone at the end of a day or month.

    Raises:
        ManifestError: the date is malformed, no video of the manifest was observed on or before it, or a file
            is damaged.
    """
    known = known_by(observations(availability), on)
    if known.keys().isdisjoint(manifest["ytid"].to_pylist()):
        raise ManifestError(
            f"of the {len(known):,} videos that were observed on or before {on}, none is in the manifest; "
            f"{HOW_TO_GET}"
        )
    return pa.array([ytid for ytid, life in known.items() if life is Life.GONE], pa.string())


def _dates(table: pa.Table) -> str:
    days: Sequence[str] = sorted({f"{at:%Y-%m-%d}" for at in table["checked_at"].unique().to_pylist()})
    if not days:
        return "there are no observations at all"
    few = days if len(days) <= 6 else [*days[:3], "...", *days[-2:]]
    return f"there are observations of {', '.join(few)}"
