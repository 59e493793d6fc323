"""Arrays to scores: the audio CNN, CJME, its rivals. Knows no media, no YouTube, no Prefect."""
