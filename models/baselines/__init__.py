"""Baselines: the methods that the paper compares with, each with its own source, all asked in one way."""
