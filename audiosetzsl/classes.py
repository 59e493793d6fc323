"""Classes of AudioSetZSL, and the shape of any other class list."""

from collections.abc import Iterator
from dataclasses import dataclass

from audiosetzsl.errors import ClassListError


@dataclass(frozen=True, slots=True)
class Class:
    """One class: exactly one AudioSet label; the label's descendants are not part of it."""

    name: str
    mid: str
    seen: bool
    excluded_mids: tuple[str, ...] = ()  # a segment of this class that carries one of these is left out
    phrase: str = ""  # words whose vector stands for the class; empty means the name

    @property
    def words(self) -> str:
        """The phrase to look up in a table of word vectors."""
        return self.phrase or self.name


@dataclass(frozen=True, slots=True)
class ClassList:
    """Some classes, and labels that exclude a segment from all of them. The order is the class index."""

    name: str
    classes: tuple[Class, ...]
    excluded_mids: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Class]:
        return iter(self.classes)

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def names(self) -> list[str]:
        """Names in class order."""
        return [c.name for c in self.classes]

    def __getitem__(self, name: str) -> Class:
        for c in self.classes:
            if c.name == name:
                return c
        raise ClassListError(f"there is no class {name!r} in {self.name}; it has {', '.join(self.names)}")


# The order is that of the authors' class-split/all_class.txt. Bicycle bell looks like a 34th class that was
# dropped late: every segment that carries it is absent from the authors' release.
AUDIOSETZSL = ClassList(
    name="audiosetzsl",
    excluded_mids=("/m/0gy1t2s",),
    classes=(
        Class("dog", "/m/0bt9lr", seen=True),  # Dog
        Class("cat", "/m/01yrx", seen=True),  # Cat
        Class("horse", "/m/03k3r", seen=True),  # Horse
        Class("cattle", "/m/01xq0k1", seen=True, phrase="cattle bovinae"),  # Cattle, bovinae
        Class("pig", "/m/068zj", seen=False),  # Pig
        Class("goat", "/m/03fwl", seen=True),  # Goat
        Class(
            "panther", "/m/0cdnk", seen=False, phrase="roaring cats lions tigers"
        ),  # Roaring cats (lions, tigers)
        Class("bird", "/m/015p6", seen=True),  # Bird
        Class("thunderstorm", "/m/0jb2l", seen=True),  # Thunderstorm
        Class("rain", "/m/06mb1", seen=True),  # Rain
        Class("stream", "/m/0j6m2", seen=False),  # Stream
        Class("ocean", "/m/05kq4", seen=True),  # Ocean
        Class("car", "/m/0k4j", seen=True),  # Car
        Class("truck", "/m/07r04", seen=True),  # Truck
        Class("bus", "/m/01bjv", seen=False),  # Bus
        Class("ambulance", "/m/03j1ly", seen=True),  # Emergency vehicle
        Class("motorcycle", "/m/04_sv", seen=True),  # Motorcycle
        Class("train", "/m/06d_3", seen=True),  # Rail transport
        Class("aircraft", "/m/0k5j", seen=False),  # Aircraft
        Class("bicycle", "/m/0199g", seen=True),  # Bicycle
        Class("skateboard", "/m/06_fw", seen=True),  # Skateboard
        Class("clock", "/m/01x3z", seen=False),  # Clock
        Class("sewing", "/m/0llzx", seen=True),  # Sewing machine
        Class("fan", "/m/02x984l", seen=False, phrase="mechanical fan"),  # Mechanical fan
        Class("cashbox", "/m/024dl", seen=True, phrase="cash register"),  # Cash register
        Class("printer", "/m/01m4t", seen=False),  # Printer
        Class("camera", "/m/0dv5r", seen=True),  # Camera
        Class("church-bell", "/m/03w41f", seen=False, phrase="church bell"),  # Church bell
        Class("hammer", "/m/03l9g", seen=True),  # Hammer
        Class("sawing", "/m/01b82r", seen=True),  # Sawing
        Class("gunshot", "/m/032s66", seen=False, phrase="gunshot gunfire"),  # Gunshot, gunfire
        Class("fireworks", "/m/0g6b5", seen=True),  # Fireworks
        Class("boom", "/m/07qqyl4", seen=True),  # Boom
    ),
)
