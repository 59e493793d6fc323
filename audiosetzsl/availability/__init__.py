"""Availability: which videos of the dataset were there, and when; dated, and never a change of the manifest."""
