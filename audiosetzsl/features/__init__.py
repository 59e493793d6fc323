"""Features of a workspace, joined with its manifest by segment id; a reader always says which split it wants."""

from audiosetzsl.features.log_mels import Order, stream_log_mel
from audiosetzsl.features.rows import feature_rows
from audiosetzsl.features.vectors import ClipVectors, load_vectors

__all__ = ["ClipVectors", "Order", "feature_rows", "load_vectors", "stream_log_mel"]
