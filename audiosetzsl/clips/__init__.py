"""Clips: what became of every segment, attempt by attempt, and what that means."""
