"""Rows of a kind beside the manifest: what every segment gave, or why it gave nothing."""

import pandas as pd
import pyarrow as pa

from audiosetzsl.features.held import lacking, refuse, refuse_doubled
from audiosetzsl.features.parts import parts_of
from audiosetzsl.manifest import load_manifest
from audiosetzsl.shards import FEATURES, Kind, read_shard, schema_of
from audiosetzsl.workspace import Workspace


def feature_rows(place: Workspace, kind: Kind, *, unfinished: bool = False) -> pd.DataFrame:
    """Every segment of the manifest, with what its shard says of it besides the feature itself.

    Columns are segment_id, class_name, seen and split of the manifest, then status, reason, flags, duration_s and the
    counts of the kind.

    Args:
        place: a workspace.
        kind: which shards.
        unfinished: take what there is while shards are being made, with a warning in the log: where no shard holds
            a segment, what shards say is null.

    Raises:
        ShardError: the kind has no shards or none for some segment, one is damaged or of another recipe than the
            rest, or two hold the same segment.
        ManifestError: the manifest is absent or wrong.
    """
    rows = load_manifest(place.manifest)[["segment_id", "class_name", "seen", "split"]]
    parts = parts_of(place, kind)
    columns = [name for name in schema_of(kind).names if name != FEATURES[kind]]
    found = pa.concat_tables(
        read_shard(path, kind, made_by=parts.made_by, columns=columns) for path in parts.paths
    )
    told = found.to_pandas()
    refuse_doubled(parts, pd.Index(told.segment_id))
    without = lacking(place, parts, pd.Index(rows.segment_id), pd.Index(told.segment_id))
    refuse(without, allowed=unfinished)
    return rows.merge(told, on="segment_id", how="left")
