"""Reproducing: from a feature set to the paper's tables, one training after another or side by side."""
