"""What the paper prints about the dataset (tables 1, 8, 9, 10), and its misprints."""

from dataclasses import dataclass

# Parida et al., WACV 2020, table 10: segments per class in train, val, test.
# The paper prints 17113 for train's val; 1713 is what its totals, and the authors' lists, add up to.
COUNTS: dict[str, tuple[int, int, int]] = {
    "dog": (7_588, 2_529, 2_529),
    "cat": (2_133, 710, 711),
    "horse": (1_862, 620, 620),
    "cattle": (437, 145, 145),
    "pig": (467, 155, 156),
    "goat": (1_096, 365, 365),
    "panther": (379, 126, 126),
    "bird": (15_092, 5_030, 5_031),
    "thunderstorm": (192, 64, 64),
    "rain": (1_317, 439, 439),
    "stream": (1_583, 527, 527),
    "ocean": (1_871, 623, 623),
    "car": (22_989, 7_663, 7_663),
    "truck": (5_514, 1_837, 1_838),
    "bus": (2_888, 962, 962),
    "ambulance": (2_540, 846, 846),
    "motorcycle": (4_000, 1_333, 1_333),
    "train": (5_140, 1_713, 1_713),
    "aircraft": (3_104, 1_034, 1_034),
    "bicycle": (1_622, 540, 541),
    "skateboard": (1_703, 567, 568),
    "clock": (389, 129, 130),
    "sewing": (1_050, 350, 350),
    "fan": (434, 144, 144),
    "cashbox": (176, 58, 58),
    "printer": (1_915, 638, 638),
    "camera": (204, 68, 68),
    "church-bell": (662, 220, 220),
    "hammer": (260, 86, 86),
    "sawing": (431, 143, 143),
    "gunshot": (2_249, 749, 750),
    "fireworks": (1_699, 566, 566),
    "boom": (879, 292, 293),
}


@dataclass(frozen=True, slots=True)
class Spread:
    """A row of table 1 or 8: segments per class, with the sample standard deviation (ddof 1)."""

    min: int
    max: int
    mean: float
    std: float


TABLE_1 = Spread(292, 38_315, 4739.88, 7693.10)
TABLE_8 = {
    "train": Spread(176, 22_989, 2844.39, 4615.77),
    "val": Spread(58, 7_663, 947.61, 1538.65),
    "test": Spread(58, 7_663, 947.88, 1538.68),
}
TABLE_9 = {
    "seen classes": (79_795, 26_587, 26_593),
    "unseen classes": (14_070, 4_684, 4_687),
    "total": (93_865, 31_271, 31_280),
}
MISPRINTS = (
    "Table 10 prints 17113 val segments for train; 1713 is right (table 9's total and the authors' lists).",
    "Table 8 prints 4615.77 for the standard deviation of train; the counts of table 10 give 4615.776.",
)
