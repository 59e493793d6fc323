"""Settings of CJME's training: losses, weights, attention's target, source of negatives; presets."""

import math
from dataclasses import dataclass, field
from typing import Literal, get_args

from audiosetzsl.errors import SetupError
from models.cjme.losses import Agreement, AttentionLoss, Sign
from models.training import Optimising
from models.training.settings import check_margin

LossName = Literal["AV", "TA", "TV"]
Negatives = Literal["batch", "pairs"]
Ends = Literal["p", "p and q"]


@dataclass(frozen=True, slots=True)
class CjmeTraining:
    """How CJME is trained; defaults are preset `paper`, their grounds are in docs/paper.md.

    `losses` are those of eq. 4 that are on, as in table 5. Where only one triplet loss is on there is nothing to
    weigh it against: its weight is one half, or attention would make it small by turning away from its modality.
    """

    margin: float = 1.0  # delta of eq. 1 and 2
    gamma: float = 1.0  # weight of the triplet losses
    lambda_: float = 1.0  # weight of L_AV
    xi: float = 0.1  # by how much entropies must differ before eq. 7 prefers a modality
    sign: Sign = "fixed"
    agreement: Agreement = "mean"  # of squares over the dimensions, in eq. 3
    agreement_of: Ends = (
        "p"  # whose sound and picture shall agree; of negatives in the batch each clip is both
    )
    attention_loss: AttentionLoss = "bce"
    losses: tuple[LossName, ...] = ("AV", "TA", "TV")
    negatives: Negatives = "batch"
    optimising: Optimising = field(default_factory=lambda: Optimising(least_steps=40))

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, before hours are spent on it.

        Raises:
            SetupError: a number is out of its range, a name is unknown, or no triplet loss is on.
        """
        check_margin(self.margin)
        for name in ("gamma", "lambda_", "xi"):
            value = getattr(self, name)
            if not 0 <= value < math.inf:  # put so that NaN is refused too
                raise SetupError(f"{name} is {value}, expected 0 or more")
        kinds = {
            "sign": Sign,
            "agreement": Agreement,
            "agreement_of": Ends,
            "attention_loss": AttentionLoss,
            "negatives": Negatives,
        }
        for name, kind in kinds.items():
            if getattr(self, name) not in get_args(kind):
                raise SetupError(
                    f"{name} is {getattr(self, name)!r}, expected one of {', '.join(get_args(kind))}"
                )
        if not set(self.losses) <= set(get_args(LossName)) or not {"TA", "TV"} & set(self.losses):
            raise SetupError(f"losses are {self.losses}, expected TA or TV or both, with or without AV")


PRESETS = {
    "paper": CjmeTraining(),
    # Of the authors' next method on the same data, in whose code numbers stand on which CJME's paper is silent.
    "avgzslnet": CjmeTraining(
        optimising=Optimising(
            optimiser="sgd",
            learning_rate=0.3,
            momentum=0.9,
            decay_at=(75, 125, 175),
            batch_size=4096,
            passes=200,
            patience=200,  # it goes through all its rates; the best pass is kept all the same
        )
    ),
    # Eq. 3 and 7 as they are printed, to see what becomes of them.
    "literal": CjmeTraining(agreement="sum", sign="as_printed"),
}
