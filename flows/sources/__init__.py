"""Sources of clips: a folder, a server, YouTube, or stand-ins; all are asked in one way."""
