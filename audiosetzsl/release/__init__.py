"""Releases: publishing the manifest with its documents, verifying it, comparing two of them."""
