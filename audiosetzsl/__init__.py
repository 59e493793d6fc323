"""AudioSetZSL: the dataset and its protocol.

Names are imported when they are first asked for, so that `audiosetzsl --help` answers at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audiosetzsl.classes import AUDIOSETZSL, Class, ClassList
    from audiosetzsl.evaluation.protocol import choose_beta, classify
    from audiosetzsl.evaluation.retrieval import retrieve
    from audiosetzsl.features import Order, feature_rows, load_vectors, stream_log_mel
    from audiosetzsl.manifest import load_manifest, load_manifest_table
    from audiosetzsl.shards import Kind
    from audiosetzsl.workspace import Workspace

__version__ = "0.1.0"

__all__ = [
    "AUDIOSETZSL",
    "Class",
    "ClassList",
    "Kind",
    "Order",
    "Workspace",
    "choose_beta",
    "classify",
    "feature_rows",
    "load_manifest",
    "load_manifest_table",
    "load_vectors",
    "retrieve",
    "stream_log_mel",
]

_HOMES = {
    "AUDIOSETZSL": "classes",
    "Class": "classes",
    "ClassList": "classes",
    "Kind": "shards",
    "Order": "features",
    "Workspace": "workspace",
    "choose_beta": "evaluation.protocol",
    "classify": "evaluation.protocol",
    "feature_rows": "features",
    "load_manifest": "manifest",
    "load_manifest_table": "manifest",
    "load_vectors": "features",
    "retrieve": "evaluation.retrieval",
    "stream_log_mel": "features",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'audiosetzsl' has no attribute {name!r}, expected one of {__all__}")
    return getattr(import_module(f"audiosetzsl.{_HOMES[name]}"), name)
