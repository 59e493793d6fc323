"""Rows of the paper's tables: which method and which measure each of them is."""

from dataclasses import dataclass

from audiosetzsl.errors import SetupError
from audiosetzsl.tables.paper_results import RESULT_TABLES, PaperRow

HERE = "here"  # the data set whose features are at hand, beside those of table 6

# Whatever has `CJME` alone is the model without attention: attention comes with a line of its own (docs/paper.md).
BASE = "cjme-no-attention"

_TABLE_2 = (
    ("audio", "classification"),
    (BASE, "classification audio"),
    ("video", "classification"),
    (BASE, "classification video"),
    ("concat", "classification"),
    (BASE, "classification both"),
    (BASE, "classification eq7"),
    ("cjme", "classification selected"),
)
_TABLE_3 = (
    ("pre-trained", "retrieval T->A"),
    ("gcca", "retrieval T->A"),
    ("audio", "retrieval T->A"),
    (BASE, "retrieval T->A"),
    ("pre-trained", "retrieval T->V"),
    ("gcca", "retrieval T->V"),
    ("video", "retrieval T->V"),
    (BASE, "retrieval T->V"),
    ("concat", "retrieval T->AV"),
    (BASE, "retrieval T->AV"),
    (BASE, "retrieval T->A or V"),
    ("cjme", "retrieval T->A or V"),
)
_TABLE_4 = tuple(
    (method, f"retrieval {direction}")
    for direction in ("A->V", "V->A")
    for method in ("pre-trained", "gcca", BASE)
)
# Of the model without attention, by both modalities: what its full row is near to.
_TABLE_5 = (
    ("cjme-tv", "classification both"),
    ("cjme-ta", "classification both"),
    ("cjme-ta-tv", "classification both"),
    ("cjme-av-tv", "classification both"),
    ("cjme-av-ta", "classification both"),
    (BASE, "classification both"),
)
RIVALS = ("conse", "devise", "sae", "eszsl", "ale")
_TABLE_7 = (
    *((f"{rival}-video", "classification") for rival in RIVALS),
    ("video", "classification"),
    (BASE, "classification video"),
    ("cjme", "classification selected"),
)
_HOMES = {2: _TABLE_2, 3: _TABLE_3, 4: _TABLE_4, 5: _TABLE_5, 7: _TABLE_7}
NUMBERS = tuple(_HOMES)
STANDARD_SETS = 6


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A row of a table: what the paper prints, if it has such a row, and what is measured here for it."""

    table: int
    labels: tuple[str, ...]
    method: str
    measure: str
    paper: PaperRow | None
    data_set: str = HERE


def rows_of(table: int) -> list[ResultRow]:
    """The rows of a table of the paper, and, of table 7, the same methods on sound, which the paper has not.

    Raises:
        SetupError: there is no such table of results.
    """
    if table == STANDARD_SETS:
        return _rows_of_standard_sets()
    if table not in _HOMES:
        raise SetupError(
            f"there is no table {table} of results, expected one of {', '.join(map(str, NUMBERS))}, "
            "or 6 with --xlsa17"
        )
    printed = RESULT_TABLES[table].rows
    rows = [
        ResultRow(table, row.labels, method, measure, row)
        for row, (method, measure) in zip(printed, _HOMES[table], strict=True)
    ]
    return rows + (_rows_of_sound() if table == 7 else [])


def _rows_of_sound() -> list[ResultRow]:
    names = {row.method: row.labels[0] for row in _rows_of_rivals()}
    methods = {
        **{method.replace("-video", "-audio"): name for method, name in names.items()},
        "audio": "CJME",
    }
    return [ResultRow(7, (name, "audio", "audio"), m, "classification", None) for m, name in methods.items()]


def _rows_of_rivals() -> list[ResultRow]:
    printed = RESULT_TABLES[7].rows[: len(RIVALS)]
    return [
        ResultRow(7, row.labels, f"{rival}-video", "classification", row)
        for row, rival in zip(printed, RIVALS, strict=True)
    ]


def _rows_of_standard_sets() -> list[ResultRow]:
    methods = {row.labels[0]: row.method for row in _rows_of_rivals()} | {"CJME": "video"}
    return [
        ResultRow(6, row.labels, methods[row.labels[1]], "classification", row, data_set=row.labels[0])
        for row in RESULT_TABLES[6].rows
    ]
