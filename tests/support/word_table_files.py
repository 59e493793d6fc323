"""Files of word vectors as other programs write them, said plainly: what the readers are held to."""

import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def binary(rows, *, line_breaks=True, header=None):
    """word2vec -binary 1: word2vec.c ends each row with a line break, GoogleNews has none."""
    width = len(rows[0][1])
    content = header or f"{len(rows)} {width}\n".encode()
    for word, vector in rows:
        content += word.encode() + b" " + np.asarray(vector, "<f4").tobytes() + b"\n" * line_breaks
    return content


def text(rows, *, header=True, trailing_blank=False, between=" "):
    """word2vec and fastText with a header, GloVe without; fastText ends rows with a blank; others write tabs."""
    lines = [f"{len(rows)}{between}{len(rows[0][1])}"] if header else []
    for word, vector in rows:
        numbers = between.join(repr(float(number)) for number in vector)
        lines.append(f"{word}{between}{numbers}{between * trailing_blank}")
    return ("\n".join(lines) + "\n").encode()


def write(path, content, *, packed=False):
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


def npz(path, rows):
    words, vectors = zip(*rows, strict=True)
    np.savez(path, names=np.array(words), vectors=np.array(vectors, np.float32))
    return path


def parquet(path, rows, *, name="name", kind=None, **options):
    words, vectors = zip(*rows, strict=True)
    kind = kind or pa.list_(pa.float32(), len(vectors[0]))
    vectors = [[float(number) for number in vector] for vector in vectors]
    pq.write_table(pa.table({name: list(words), "vector": pa.array(vectors, kind)}), path, **options)
    return path
