"""Asked: what of the tables is asked for, and which methods on which data sets that takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets import Protocol
from audiosetzsl.tables.paper_results import TABLE_6_SETS
from flows.reproducing.rows import HERE, NUMBERS, STANDARD_SETS, rows_of
from models.cjme import PRESETS


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the tables is asked for."""

    tables: tuple[int, ...] = NUMBERS
    protocols: tuple[Protocol, ...] = (Protocol.PAPER,)
    n_seeds: int = 5
    xlsa17: Path | None = None  # where table 6 finds its data sets
    cjme: str = "paper"  # preset by which CJME and its variants are trained

    def __post_init__(self) -> None:
        """Refuse what gives no table.

        Raises:
            SetupError: no seed, an unknown table or preset, or table 6 without its data sets.
        """
        if self.n_seeds < 1:
            raise SetupError(
                f"--seeds is {self.n_seeds}, expected 1 or more; 5 give an interval worth the name"
            )
        for table in self.tables:
            rows_of(table)
        if STANDARD_SETS in self.tables and not self.xlsa17:
            raise SetupError("table 6 is of other data sets: say where they are, with --xlsa17 FOLDER")
        if self.cjme not in PRESETS:
            raise SetupError(f"--cjme is {self.cjme!r}, expected one of {', '.join(PRESETS)}")

    @property
    def pairs(self) -> list[tuple[int, Protocol]]:
        """Every table with every protocol; table 6 is strict: its sets have no val clips of unseen classes."""
        return [
            (table, protocol)
            for table in self.tables
            for protocol in ((Protocol.STRICT,) if table == STANDARD_SETS else self.protocols)
        ]

    def data_sets(self) -> list[str]:
        """The data sets whose features are needed; of table 6 those that are there.

        Raises:
            SetupError: none of those of table 6 is there.
        """
        here = [HERE] if any(table != STANDARD_SETS for table in self.tables) else []
        if STANDARD_SETS not in self.tables or not self.xlsa17:
            return here
        there = [name for name in TABLE_6_SETS if (self.xlsa17 / name).is_dir()]
        if not there:
            raise SetupError(
                f"{self.xlsa17} holds none of the folders {', '.join(TABLE_6_SETS)}; check --xlsa17"
            )
        return here + there

    def source_of(self, data_set: str, features: str) -> str:
        """The name by which the features of a data set are opened; `features` are those at hand."""
        return features if data_set == HERE or not self.xlsa17 else f"xlsa17:{self.xlsa17 / data_set}"

    def methods_on(self, data_set: str) -> list[tuple[str, Protocol]]:
        """Methods and protocols that the tables ask for on a data set, each once."""
        rows = [(row, protocol) for table, protocol in self.pairs for row in rows_of(table)]
        return list(
            dict.fromkeys((row.method, protocol) for row, protocol in rows if row.data_set == data_set)
        )


def asked_of(
    tables: Sequence[int] | None,
    protocols: Sequence[Protocol] | None,
    n_seeds: int,
    xlsa17: Path | None,
    cjme: str = "paper",
) -> Asked:
    """What the words of the command line ask for; what they name twice is meant once."""
    numbers = tuple(tables) if tables else (*NUMBERS, *((STANDARD_SETS,) if xlsa17 else ()))
    meant = tuple(dict.fromkeys(protocols or (Protocol.PAPER,)))
    return Asked(tuple(sorted(set(numbers))), meant, n_seeds, xlsa17, cjme)
