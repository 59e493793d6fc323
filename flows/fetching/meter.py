"""Meter: how far a pass is, read off the ledger, so that it does not matter where the work is done."""

from collections import Counter
from pathlib import Path

from audiosetzsl.clips.ledger import read_ledger
from audiosetzsl.errors import ShardError

_SHOWN = 4


class LedgerMeter:
    """Counts the attempts that a ledger has gained; parts that have not changed are not read again."""

    def __init__(self, ledger: Path, total: int) -> None:
        self.total = total
        self._ledger = ledger
        self._stamps: dict[Path, int] = {}
        self._counts: dict[Path, Counter[str]] = {}
        self._before = self._read()

    def read(self) -> tuple[int, str]:
        """Attempts since the meter was made, and the commonest verdicts among them."""
        news = self._read() - self._before
        words = ", ".join(f"{n:,} {verdict}" for verdict, n in news.most_common(_SHOWN))
        return news.total(), words

    def _read(self) -> Counter[str]:
        for path in self._ledger.glob("part-*.parquet"):
            try:
                stamp = path.stat().st_mtime_ns
                if self._stamps.get(path) != stamp:
                    self._counts[path] = Counter(read_ledger(path, ["verdict"])["verdict"].to_pylist())
                    self._stamps[path] = stamp
            except (FileNotFoundError, ShardError):
                continue  # it is being replaced, and will be whole at the next look
        return sum(self._counts.values(), Counter())
