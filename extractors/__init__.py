"""Raw to arrays: media, log-mel, video nets, word vectors. Knows no class and no split."""
