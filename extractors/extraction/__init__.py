"""Extraction: a block of clips becomes rows of features, one for every segment, whatever happens to its clip."""
