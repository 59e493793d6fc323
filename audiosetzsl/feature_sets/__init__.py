"""Feature sets: clips of any data set with features, classes and splits; what is trained and chosen on which."""

from audiosetzsl.feature_sets.feature_set import FeatureSet
from audiosetzsl.feature_sets.stages import Protocol, Stage, held_out_classes, last_stage, stage_of

# `open_set` and `save_set` stay in `feature_sets.opening`: they need pandas and Arrow, and a command line that names
# a protocol should not pay for them.
__all__ = ["FeatureSet", "Protocol", "Stage", "held_out_classes", "last_stage", "stage_of"]
