"""Tables of word vectors: word2vec, fastText, GloVe, npz and Parquet, read for the words that are asked for."""
