"""Deaths: work goes on when a process has died or hung; the clip that it was at is decoded apart from then on."""

from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from audiosetzsl.blocks import Block
from audiosetzsl.errors import SetupError
from audiosetzsl.show import say
from flows.extracting.tally import start_over, tally_of

# Times that processes may die, one after the other, before a block is finished; the stage then ends.
FRUITLESS = 5


def outlive(
    root: Path,
    stale: list[Block],
    work: Callable[[list[Block]], None],
    is_due: Callable[[Block], bool],
) -> None:
    """Work on blocks until none is left; a death costs what was in work, and makes suspects of the clips there.

    Args:
        root: of the workspace, where the tallies lie.
        stale: blocks to work on.
        work: works on blocks; raises BrokenProcessPool when a process has died.
        is_due: whether a block is still to be worked on.

    Raises:
        SetupError: processes die again and again, and no block is finished.
    """
    fruitless = 0
    while stale:
        start_over(root, stale)
        try:
            work(stale)
            return
        except BrokenProcessPool as problem:
            left = [block for block in stale if is_due(block)]
            at = sorted({tally.at for block in left if (tally := tally_of(root, block)).at})
            fruitless = 0 if len(left) < len(stale) else fruitless + 1
            if fruitless == FRUITLESS:
                raise SetupError(
                    f"processes have died or hung {FRUITLESS} times, and no block was finished; the last did at "
                    f"{', '.join(at) or 'their start'}; perhaps memory is short: repeat the command with fewer "
                    "processes, or leave the clip out"
                ) from problem
            say(
                f"a process died or hung; in work were {', '.join(at) or 'no clips'}: decoded apart from now on"
            )
            stale = left
