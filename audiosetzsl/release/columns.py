"""Columns of the published tables, described once for all documents that list them."""

from dataclasses import dataclass
from enum import StrEnum

from audiosetzsl.building.build import POOL
from audiosetzsl.building.labels import Drop
from audiosetzsl.building.splits import Split
from audiosetzsl.manifest import YTID

MIDS_SEPARATOR = ";"


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    TRUTH = "truth"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what it holds and what it means; `pattern` and `values` say what is allowed."""

    name: str
    kind: Kind
    meaning: str
    pattern: str = ""
    values: tuple[str, ...] = ()
    required: bool = True


_ID = Column(
    "segment_id",
    Kind.TEXT,
    "Name of the segment: its ytid, an underscore, and its start in milliseconds.",
    rf"^{YTID.pattern}_[0-9]+$",
)
_YTID = Column(
    "ytid", Kind.TEXT, "Id of the video on YouTube; it may begin with - or _.", f"^{YTID.pattern}$"
)
_START = Column("start_s", Kind.NUMBER, "Start of the segment in the video, in seconds.")
_END = Column("end_s", Kind.NUMBER, "End of the segment in the video, in seconds.")
_LINE = Column("line", Kind.INTEGER, "1-based line in AudioSet's CSV file, its three header lines counted.")
_MIDS = Column("mids", Kind.LIST, "Every AudioSet label of the segment, as mids, in AudioSet's order.")
_SOURCE = "AudioSet's list that holds the segment."

SEGMENTS = (
    _ID,
    _YTID,
    _START,
    _END,
    Column("class_name", Kind.TEXT, "The one class of the segment."),
    Column("seen", Kind.TRUTH, "Whether the class may be trained on; the others are for zero-shot testing."),
    Column("split", Kind.TEXT, "Part of the dataset.", values=tuple(split.value for split in Split)),
    Column("source", Kind.TEXT, _SOURCE, values=tuple(source.value for source in POOL)),
    _LINE,
    _MIDS,
)
DROPS = (
    _ID,
    _YTID,
    _START,
    _END,
    Column("source", Kind.TEXT, _SOURCE),
    _LINE,
    _MIDS,
    Column("classes", Kind.LIST, "The classes whose label the segment carries."),
    Column(
        "reason",
        Kind.TEXT,
        "Why the segment is not in the dataset; the first reason that applies.",
        values=tuple(reason.value for reason in Drop),
    ),
)
CLASSES = (
    Column("class", Kind.TEXT, "Name of the class; the order of the rows is the class index."),
    Column("mid", Kind.TEXT, "The one AudioSet label that makes the class."),
    Column("label", Kind.TEXT, "AudioSet's display name of that label.", required=False),
    Column("seen", Kind.TRUTH, "Whether the class may be trained on."),
    *(Column(split.value, Kind.INTEGER, f"Segments in {split}.") for split in Split),
    Column("total", Kind.INTEGER, "Segments in all splits."),
    *(
        Column(
            f"paper_{split}", Kind.INTEGER, f"Segments in {split} by table 10 of the paper.", required=False
        )
        for split in Split
    ),
    Column("paper_total", Kind.INTEGER, "Segments by table 10 of the paper.", required=False),
)
