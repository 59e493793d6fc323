"""Reading a word table of any kind: what it is, by its first bytes and then by its name, and what it knows."""

from codecs import BOM_UTF8
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from audiosetzsl.errors import SetupError
from audiosetzsl.word_tables.arrays import read_npz
from audiosetzsl.word_tables.binary import read_binary
from audiosetzsl.word_tables.layout import SNIFFED, header_of, numbers_at_end
from audiosetzsl.word_tables.opening import opened
from audiosetzsl.word_tables.parquet import read_parquet_table
from audiosetzsl.word_tables.spelling import entries_to_read
from audiosetzsl.word_tables.table import WordTable
from audiosetzsl.word_tables.text import read_text

Reader = Callable[[Path, Collection[str]], WordTable]
_BY_MAGIC: Mapping[bytes, Reader] = {
    b"PK\x03\x04": read_npz,
    b"PK\x05\x06": read_npz,  # of no arrays
    b"PAR1": read_parquet_table,
}
_BY_SUFFIX: Mapping[str, Reader] = {
    ".npz": read_npz,
    ".parquet": read_parquet_table,
    ".bin": read_binary,
    ".txt": read_text,
    ".vec": read_text,
}
_PICKLE = "a pickle, which is not opened, as it could run code; write a word2vec table (gensim: save_word2vec_format)"
_OTHERS = {
    b"\x93NUMPY": "an array without names; write it with its names by np.savez(path, names=..., vectors=...)",
    b"\xba\x16\x4f\x2f": "a model of fastText; give the .vec that belongs to it",
    **{bytes([0x80, protocol]): _PICKLE for protocol in range(2, 6)},
}
# Bytes that no text holds, and that numbers as bytes hold within a few.
_NO_TEXT = bytes(set(range(32)) - set(b"\t\n\v\f\r"))
_FORMATS = "word2vec (binary or text), fastText (.vec), GloVe (.txt), .npz (names, vectors) or Parquet (name, vector)"


def read_word_table(path: Path, phrases: Iterable[str]) -> WordTable:
    """Read what a table knows of some phrases: their own entries and those of their words, and no others.

    Raises:
        SetupError: the file is absent, of no kind that is known, or damaged; the message names the line or byte.
    """
    if not path.is_file():
        raise SetupError(
            f"{path} does not exist, or is no file; --vectors needs a table of word vectors: {_FORMATS}"
        )
    return _reader_of(path)(path, entries_to_read(phrases))


def _reader_of(path: Path) -> Reader:
    with opened(path) as file:
        head = file.read(SNIFFED).removeprefix(BOM_UTF8)
    if path.suffix == ".zip":
        raise SetupError(f"{path} is an archive; unpack it, and give the table that is in it")
    for magic, reader in _BY_MAGIC.items():
        if head.startswith(magic):
            return reader
    for magic, kind in _OTHERS.items():
        if head.startswith(magic):
            raise SetupError(f"{path} is {kind}")
    name = path.with_suffix("") if path.suffix == ".gz" else path
    reader_by_name = _BY_SUFFIX.get(name.suffix)
    if reader_by_name in (read_npz, read_parquet_table):
        return reader_by_name  # which says what is wrong
    first, _, rest = head.partition(b"\n")
    header = header_of(first)
    row, least = (rest.split(b"\n", 1)[0], header[1]) if header else (first, 2)
    if numbers_at_end(row) >= least:
        return read_text
    if header and head[:4096].translate(None, _NO_TEXT) != head[:4096]:
        return read_binary
    if reader_by_name is None or not head:
        raise SetupError(
            f"{path} begins with {head[:40]!r}, which is no table of word vectors; expected {_FORMATS}"
        )
    return reader_by_name
