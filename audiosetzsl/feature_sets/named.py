"""Named: the name of a feature set, `FORM:PLACE?OPTION=VALUE`, taken apart; a bare place is a workspace."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType

from audiosetzsl.errors import SetupError
from audiosetzsl.feature_sets.class_lists import unsafe


class Form(StrEnum):
    """How features lie on disk."""

    WORKSPACE = "workspace"  # a folder of a run: manifest and shards
    NPZ = "npz"  # one file
    OFFICIAL = "official"  # the authors' folders of HDF5 files
    AVCA = "avca"  # the same by the stages of AVCA-GZSL
    XLSA17 = "xlsa17"  # the .mat files of Xian et al.


OPTIONS: Mapping[Form, tuple[str, ...]] = MappingProxyType(
    {
        Form.WORKSPACE: (),
        Form.NPZ: (),
        Form.OFFICIAL: ("features",),  # folder below features/
        Form.AVCA: ("features", "dataset"),  # the same; whose file names are written
        Form.XLSA17: ("splits", "view"),  # file of the splits; audio, video or concat
    }
)
PARTS = ("features", "splits")  # options that name a file or a folder inside the place


@dataclass(frozen=True, slots=True)
class Name:
    """A form, where it lies, and what it has to be told."""

    form: Form
    path: Path
    options: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(text: str) -> "Name":
        """Take a name apart, such as `official:data?features=i3d`.

        Raises:
            SetupError: the form is unknown, or does not have such an option, there is no place, or an option leads
                out of it.
        """
        form, colon, rest = text.partition(":")
        if not colon:
            form, rest = Form.WORKSPACE, text
        if form not in list(Form):
            raise SetupError(f"{text}: {form!r} is no form of features, expected {', '.join(Form)}")
        place, _, query = rest.partition("?")
        # Taken literally, as paths are: in a web address, a plus sign would be a space.
        parts = (option.partition("=") for option in query.split("&") if option)
        options = {option: value for option, _, value in parts}
        known = OPTIONS[Form(form)]
        if (query and not options) or (strange := sorted(set(options) - set(known))):
            told = ", ".join(f"{name}=..." for name in known) or "none"
            raise SetupError(
                f"{text}: unknown options {strange if options else query!r}; {form} takes {told}"
            )
        if not place:
            raise SetupError(f"{text} names no place; give {form}:PATH")
        if astray := [key for key in PARTS if key in options and unsafe([options[key]])]:
            raise SetupError(f"{text}: {astray[0]} should name something in {place}, not a way elsewhere")
        return Name(Form(form), Path(place), options)
