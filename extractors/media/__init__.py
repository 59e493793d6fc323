"""Media: clips opened, looked at, cut, rendered, and decoded to sound and pictures."""
