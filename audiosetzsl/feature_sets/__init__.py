"""Feature sets: clips of any data set with features, classes and splits; what is trained and chosen on which."""

from audiosetzsl.feature_sets.feature_set import FeatureSet
from audiosetzsl.feature_sets.stages import Protocol, Stage, held_out_classes, last_stage, stage_of

__all__ = ["FeatureSet", "Protocol", "Stage", "held_out_classes", "last_stage", "stage_of"]
