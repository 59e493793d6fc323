"""Spellings: under which entries of a table a phrase and its words are looked for, and in which order."""

import re
from collections.abc import Iterable
from unicodedata import category, normalize

_MARK = "\u0301"  # an accent, which stands for all marks in the pattern: re has no class of them
_JOINERS = "\u200c\u200d"  # invisible, within words of Persian and of the scripts of India
_LETTERS = rf"(?:[^\W_]{_MARK}*)+"
# Letters and digits of any script with their marks, and apostrophes inside: "o'clock" is one word, "church-bell" two.
_WORD = re.compile(rf"{_LETTERS}(?:'{_LETTERS})*")
# English tables split `person's` before the apostrophe, French ones `l'eau` after it, others leave it out.
_SPLITS = (r"(?=')", r"(?<=')", r"'")


def plain(text: str) -> str:
    """A text typed in one way, however it came: letters with their marks as NFC has them, and ' for ’."""
    return normalize("NFC", text).replace("’", "'")


def words_of(phrase: str) -> list[str]:
    """Words of a phrase, as `plain` types them: `Roaring cats (lions, tigers)` has four."""
    text = plain(phrase)
    shadow = "".join(_MARK if category(c)[0] == "M" or c in _JOINERS else c for c in text)
    return [text[word.start() : word.end()] for word in _WORD.finditer(shadow)]


def splits_of_word(word: str) -> list[list[str]]:
    """A word whole, and then its parts where it has an apostrophe, since many tables hold only these."""
    return [[word], *([part for part in re.split(where, word) if part] for where in _SPLITS if "'" in word)]


def spellings_of_phrase(phrase: str) -> list[str]:
    """Entries that stand for a phrase as a whole, best first.

    As it is written, then its words joined by `_` (so word2vec writes phrases), by `-` and by a blank; then all
    of these in lower case. Each as `plain` types it and then in the other ways, see `spellings_of_word`.
    """
    words = words_of(phrase)
    if not words:
        return []
    forms = [plain(phrase).strip(), "_".join(words), "-".join(words), " ".join(words)]
    return _typings(forms + [form.lower() for form in forms])


def spellings_of_word(word: str) -> list[str]:
    """Entries that stand for one word, best first: as it is written, in lower case, with a capital.

    The capital comes last: in a table that keeps case, `Fan` is as likely a name as a fan. Each of these as NFC,
    then with the marks apart from their letters (NFD), and both with ' and with ’: tables have all of them.
    """
    word = plain(word)
    return _typings([word, word.lower(), word.lower().capitalize()])


def entries_to_read(phrases: Iterable[str]) -> set[str]:
    """All entries that may stand for one of the phrases, for one of their words, or for a part of one."""
    entries = set()
    for phrase in phrases:
        entries |= {*spellings_of_phrase(phrase)}
        parts = {part for word in words_of(phrase) for split in splits_of_word(word) for part in split}
        entries |= {entry for part in parts for entry in spellings_of_word(part)}
    return entries


def _typings(forms: Iterable[str]) -> list[str]:
    return list(
        dict.fromkeys(
            normalize(norm, typed)
            for form in forms
            for typed in (form, form.replace("'", "’"))
            for norm in ("NFC", "NFD")
        )
    )
