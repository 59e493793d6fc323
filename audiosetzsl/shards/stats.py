"""Statistics of shards: what they hold, how long the clips are, what made them, and where a class runs thin."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from audiosetzsl.features.parts import parts_of
from audiosetzsl.features.rows import feature_rows
from audiosetzsl.shards.io import recipe_of
from audiosetzsl.shards.recipe import Recipe
from audiosetzsl.shards.schema import Kind, Status
from audiosetzsl.workspace import Workspace

PERCENTILES = (5, 50, 95)


@dataclass(frozen=True, slots=True)
class KindStats:
    """All shards of a kind: `rows` are those of `feature_rows`, every segment of the manifest."""

    kind: Kind
    n_shards: int
    n_bytes: int
    recipe: Recipe
    rows: pd.DataFrame

    @property
    def n_ok(self) -> int:
        """Segments with a feature."""
        return int((self.rows.status == Status.OK).sum())

    @property
    def statuses(self) -> dict[str, int]:
        """Segments by status; those that no shard holds are `no shard yet`."""
        return dict(Counter(self.rows.status.fillna("no shard yet").tolist()).most_common())

    @property
    def flags(self) -> dict[str, int]:
        """Segments by flag."""
        return dict(Counter(flag for flags in self.rows["flags"].dropna() for flag in flags).most_common())

    def spread(self, column: str) -> list[float]:
        """Mean, 5th, 50th and 95th percentile, least and most of a column, over segments with a feature."""
        values = self.rows.loc[self.rows.status == Status.OK, column]
        percentiles = values.quantile([p / 100 for p in PERCENTILES]).tolist()
        return [float(number) for number in (values.mean(), *percentiles, values.min(), values.max())]


def stats_of(place: Workspace, kind: Kind) -> KindStats:
    """Count the shards of a kind; features themselves are not read.

    Raises:
        ShardError: there are none, or one is damaged or of another recipe than the rest.
        ManifestError: the manifest is absent or wrong.
    """
    parts = parts_of(place, kind)
    n_bytes = sum(path.stat().st_size for path in parts.paths)
    rows = feature_rows(place, kind, unfinished=True)
    return KindStats(kind, len(parts.paths), n_bytes, recipe_of(parts.paths[0]), rows)


def coverage_of(kinds: Sequence[KindStats]) -> pd.DataFrame:
    """How many segments of each class and split have a feature, the worst covered first.

    Columns are class_name, seen, split, segments, one for each kind, all (segments with every kind) and share.
    """
    rows = kinds[0].rows[["class_name", "seen", "split"]].copy()
    for stats in kinds:
        rows[str(stats.kind)] = (stats.rows.status == Status.OK).to_numpy()
    names = [str(stats.kind) for stats in kinds]
    rows["all"] = rows[names].all(axis=1)
    rows.insert(3, "segments", 1)
    covered = rows.groupby(["class_name", "seen", "split"], as_index=False).sum()
    covered["share"] = covered["all"] / covered.segments
    return covered.sort_values(["share", "all", "class_name", "split"], ignore_index=True)
