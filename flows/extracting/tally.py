"""Tally: how far a block is, clip by clip, and where it was when its process died; a small file for each block."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from audiosetzsl.blocks import Block

FOLDER = "extracting"


@dataclass(slots=True)
class Tally:
    """Clips of a block that were begun, the latest of them, and those at which a process has died before."""

    path: Path
    begun: int = 0
    at: str = ""
    suspects: list[str] = field(default_factory=list)

    def begin(self, segment_id: str) -> None:
        """Note that a clip is about to be worked on."""
        self.begun, self.at = self.begun + 1, segment_id
        self.write()

    def end(self, n_clips: int) -> None:
        """Note that the block is done."""
        self.begun, self.at = n_clips, ""
        self.write()

    def write(self) -> None:
        """Put the note in its place in one go, without waiting for the disk: it outlives a process, no more."""
        facts = {name: value for name, value in asdict(self).items() if name != "path"}
        scratch = self.path.with_suffix(".new")
        scratch.write_text(json.dumps(facts))
        scratch.replace(self.path)


def tally_of(root: Path, block: Block) -> Tally:
    """The tally of a block, as it was noted last."""
    path = root / FOLDER / f"{Path(block.file_name).stem}.json"
    try:
        return Tally(path, **json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):  # nothing was noted, or a power cut took it
        return Tally(path)


def start_over(root: Path, blocks: Sequence[Block]) -> set[str]:
    """Set the tallies of blocks to nothing done; where one of them broke off becomes a suspect of its death.

    Returns:
        All suspects.
    """
    everybody: set[str] = set()
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    for block in blocks:
        tally = tally_of(root, block)
        suspects = dict.fromkeys([*tally.suspects, *([tally.at] if tally.at else [])])
        Tally(tally.path, suspects=list(suspects)).write()
        everybody |= set(suspects)
    return everybody


class TallyMeter:
    """Reads how many clips of some blocks have been worked on."""

    def __init__(self, root: Path, blocks: Sequence[Block]) -> None:
        self.total = sum(len(block.segment_ids) for block in blocks)
        self._root, self._blocks = root, blocks

    def read(self) -> tuple[int, str]:
        """Clips begun before those that are in work now."""
        tallies = [tally_of(self._root, block) for block in self._blocks]
        return sum(tally.begun - bool(tally.at) for tally in tallies), ""
