"""Seeds: which numbers may be one; every generator that draws takes these."""

from audiosetzsl.errors import SetupError

LARGEST = 2**32 - 1


def check_seed(seed: int) -> None:
    """Refuse a seed that some generator would not take, before anything is drawn.

    Raises:
        SetupError: it is out of range.
    """
    if not 0 <= seed <= LARGEST:
        raise SetupError(f"the seed is {seed}, expected a whole number from 0 to {LARGEST:,}")
