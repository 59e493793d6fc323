"""Words: class names to vectors."""
