"""Politeness: how fast an address may ask, and when it has to stop."""
