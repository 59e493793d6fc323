"""Extracting: what the stage extract-features needs besides the extractors: tallies, devices, what was begun."""
