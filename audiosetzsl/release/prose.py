"""Prose of a release: templates that lie beside this file, and the names and licences they cite."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from string import Template

AUTHORS = ("Kranti Kumar Parida", "Neeraj Matiyali", "Tanaya Guha", "Gaurav Sharma")
HOME = "https://github.com/krantiparida/AudioSetZSL"  # the authors' own page of the dataset
AUDIOSET_URL = "https://research.google.com/audioset/"


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence by its SPDX name, its title and its address."""

    spdx: str
    title: str
    url: str


# AudioSet's download page: the lists are CC BY 4.0, the ontology (which names the labels) is CC BY-SA 4.0.
LICENCES = (
    Licence("CC-BY-4.0", "Creative Commons Attribution 4.0", "https://creativecommons.org/licenses/by/4.0/"),
    Licence(
        "CC-BY-SA-4.0",
        "Creative Commons Attribution-ShareAlike 4.0",
        "https://creativecommons.org/licenses/by-sa/4.0/",
    ),
)


def text(name: str) -> str:
    """A template as it lies there."""
    return (files("audiosetzsl.release") / "pages" / name).read_text("utf-8")


def filled(name: str, facts: Mapping[str, str]) -> str:
    """A template with its numbers; a name that `facts` lacks is an error."""
    return Template(text(name)).substitute(facts)
