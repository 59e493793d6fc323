"""AudioSet's own files: fetched, checked and read."""
