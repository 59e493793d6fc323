"""Feature shards: what an extractor found in each segment of a block, or why it found nothing."""

from audiosetzsl.shards.columns import frames_of, log_mel_column, vector_column, vectors_of
from audiosetzsl.shards.io import (
    check_made_by,
    clips_of,
    made_by_of,
    read_groups,
    read_shard,
    recipe_of,
    width_at,
    write_shard,
)
from audiosetzsl.shards.recipe import Recipe, fingerprint
from audiosetzsl.shards.rows import check_rows
from audiosetzsl.shards.schema import (
    FEATURES,
    N_MELS,
    TEXT_WIDTH,
    VECTOR_WIDTH,
    Kind,
    Status,
    schema_of,
    text_schema,
    width_of,
)

__all__ = [
    "FEATURES",
    "N_MELS",
    "TEXT_WIDTH",
    "VECTOR_WIDTH",
    "Kind",
    "Recipe",
    "Status",
    "check_made_by",
    "check_rows",
    "clips_of",
    "fingerprint",
    "frames_of",
    "log_mel_column",
    "made_by_of",
    "read_groups",
    "read_shard",
    "recipe_of",
    "schema_of",
    "text_schema",
    "vector_column",
    "vectors_of",
    "width_at",
    "width_of",
    "write_shard",
]
