"""Fetching: from the segments that are due to rows of the ledger, block by block."""
