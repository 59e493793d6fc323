"""Names to vectors by a table of word vectors: every word is found, or the error says which is not."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from jaxtyping import Float32

from audiosetzsl.errors import SetupError
from audiosetzsl.word_tables.table import WordTable


def vectors_of_phrases(
    phrases: Mapping[str, Sequence[str]], table: WordTable, stop_words: Collection[str] = ()
) -> tuple[Float32[np.ndarray, "n_names width"], tuple[str, ...]]:
    """Vector of each name: the mean over its phrases, each an entry of its own or the mean of its words'.

    Args:
        phrases: the phrases of each name, at least one; the order is that of the rows.
        table: holds the entries of all phrases that it knows.
        stop_words: words in lower case that are left out of a phrase that has no entry as a whole.

    Returns:
        The vectors, not scaled to any length, and for each name the entries that were found, for people.

    Raises:
        SetupError: words that the table does not know, all of them with their names and phrases.
    """
    faults, rows, wording = [], [], []
    for name, some in phrases.items():
        means, told = [], []
        for phrase in some:
            found = table.find(phrase, stop_words)
            if found.missing or not found.entries:
                faults.append(_fault(name, phrase, found.missing))
                continue
            means.append(table.mean(found.entries))
            told.append(" + ".join(found.entries))
        if means:
            rows.append(np.mean(means, axis=0))
        wording.append(" | ".join(told))
    if faults:
        remark = f" ({table.remark})" if table.remark else ""
        raise SetupError(
            "\n".join([f"not all classes have a vector in the table{remark}:", *faults, _WHAT_TO_DO])
        )
    return np.stack(rows).astype(np.float32), tuple(wording)


_WHAT_TO_DO = (
    'Write another phrase for the class into a file, as in `church-bell = "church bell"`, and give it with '
    "--phrases FILE.toml; words such as `of` can be left out with --stop-words of,and."
)


def _fault(name: str, phrase: str, missing: Sequence[str]) -> str:
    if not missing:
        return f"{name}: the phrase {phrase!r} holds no word that counts"
    return f"{name}: the phrase {phrase!r} needs {', '.join(map(repr, missing))}, not in the table in any spelling"
