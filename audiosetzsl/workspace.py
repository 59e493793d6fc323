"""Workspace: where each stage finds and leaves its files."""

from dataclasses import dataclass
from pathlib import Path

from audiosetzsl.shards import Kind


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder with one place for each thing that passes between stages."""

    root: Path

    @property
    def manifest(self) -> Path:
        """Who is in the dataset."""
        return self.root / "manifest.parquet"

    @property
    def drops(self) -> Path:
        """Who is not, and why."""
        return self.root / "drops.parquet"

    @property
    def clips(self) -> Path:
        """The clip ledger, one part a block."""
        return self.root / "clips"

    @property
    def media(self) -> Path:
        """The clips themselves, for sources that make or fetch them."""
        return self.root / "media"

    @property
    def canaries(self) -> Path:
        """What videos known to be alive answered, one file an egress: the witnesses of the ledger."""
        return self.root / "canaries"

    @property
    def health(self) -> Path:
        """What the latest answers say of the session of every egress, for all processes that use it."""
        return self.root / "health"

    def checks(self, date: str) -> Path:
        """The ledger of one dated check of availability, one part a block."""
        return self.root / "checks" / date

    @property
    def availability(self) -> Path:
        """Which videos are alive, dated: an addition to the manifest, never a change of it."""
        return self.root / "availability.parquet"

    def features(self, kind: Kind) -> Path:
        """Shards of one kind of feature, one part a block."""
        return self.root / "features" / kind

    @property
    def extractors(self) -> Path:
        """What the features are made with: later runs go on alike."""
        return self.root / "features" / "extractors.json"

    def lock(self, command: str) -> Path:
        """Stands for the one run of a command that may go on here."""
        return self.root / f".{command}"

    @property
    def text(self) -> Path:
        """Class vectors, one row a class."""
        return self.root / "features" / "text" / "part-00000.parquet"

    @property
    def models(self) -> Path:
        """Trained networks: safetensors and their configurations."""
        return self.root / "models"

    @property
    def results(self) -> Path:
        """Scores, results and the report."""
        return self.root / "results"
