"""Finding: one thing that is wrong with a release, and where."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A file of a release, named as in its folder, and what is wrong with it."""

    file: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}: {self.problem}"
