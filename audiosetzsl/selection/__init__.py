"""Choosing classes: lists of one's own, the paper's criteria, suggestions."""
