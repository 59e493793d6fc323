"""Spellings: under which entries of a table a phrase and its words are looked for, and in which order."""

import re
from collections.abc import Iterable

# Letters and digits of any script, with apostrophes inside: "o'clock" is one word, "church-bell" two.
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)*")


def words_of(phrase: str) -> list[str]:
    """Words of a phrase as they are written: `Roaring cats (lions, tigers)` has four."""
    return _WORD.findall(phrase)


def spellings_of_phrase(phrase: str) -> list[str]:
    """Entries that stand for a phrase as a whole, best first.

    As it is written, then its words joined by `_` (so word2vec writes phrases), by `-` and by a blank; then all
    of these in lower case.
    """
    words = words_of(phrase)
    if not words:
        return []
    forms = [phrase.strip(), "_".join(words), "-".join(words), " ".join(words)]
    return list(dict.fromkeys(forms + [form.lower() for form in forms]))


def spellings_of_word(word: str) -> list[str]:
    """Entries that stand for one word, best first: as it is written, in lower case, with a capital.

    The capital comes last: in a table that keeps case, `Fan` is as likely a name as a fan.
    """
    return list(dict.fromkeys([word, word.lower(), word.lower().capitalize()]))


def entries_to_read(phrases: Iterable[str]) -> set[str]:
    """All entries that may stand for one of the phrases or for one of their words."""
    entries = set()
    for phrase in phrases:
        entries |= {*spellings_of_phrase(phrase)}
        entries |= {entry for word in words_of(phrase) for entry in spellings_of_word(word)}
    return entries
