"""Single view: CJME's rivals that see only sound, only pictures, or both as one vector; and their training."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import normalize

from audiosetzsl.errors import SetupError
from audiosetzsl.evaluation.closeness import closeness
from audiosetzsl.evaluation.retrieval import Embeddings
from audiosetzsl.evaluation.training_set import ClipFeatures, SeenClips, View
from models.cjme.layers import Formed, projection
from models.cjme.losses import batch_triplets, class_distances
from models.cjme.network import check_dropout, check_some, in_form, on_device, parts_of
from models.cjme.start import SeenColumns, begun, text_spread, warn_of_collapse
from models.inputs import InputForm
from models.training import ALONE, Optimising, Pass, Progress, Share, Step, Team, train
from models.training.settings import check_margin


@dataclass(frozen=True, slots=True)
class SingleConfig:
    """Shape of the network and its inputs; as those of CJME, but for one modality."""

    view: View
    feature_width: int
    text_width: int = 300
    hidden: int = 256
    width: int = 64
    dropout: float = 0.5
    inputs: InputForm = InputForm.UNIT  # of sound and picture together where both are one vector
    words: InputForm = InputForm.UNIT
    unit_embeddings: bool = False  # as in CjmeConfig

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            SetupError: dropout leaves nothing, or a width is none.
        """
        check_dropout(self.dropout)
        check_some(self, "feature_width", "text_width", "hidden", "width")


@dataclass(frozen=True, slots=True)
class SingleTraining:
    """How it is trained: by the triplet loss alone, with negatives in the batch."""

    margin: float = 1.0
    optimising: Optimising = field(default_factory=lambda: Optimising(least_steps=40))

    def __post_init__(self) -> None:
        """Refuse a margin that asks for nothing.

        Raises:
            SetupError: it is not above 0.
        """
        check_margin(self.margin)


class SingleView(nn.Module):
    """A projection of one vector a clip and one of class vectors into a space (table 2: audio, video, concat)."""

    def __init__(self, config: SingleConfig) -> None:
        super().__init__()
        self.config = config
        self.form = Formed(config.inputs, config.feature_width)
        self.text_form = Formed(config.words, config.text_width)
        self.clip = projection(config.feature_width, config.hidden, config.width, config.dropout)
        self.text = nn.Linear(config.text_width, config.width)
        self.eval()

    def forward(self, rows: Float[Tensor, "n feature_width"]) -> Float[Tensor, "n width"]:
        """Embed features that are in their form already."""
        return self._embedded(self.clip(rows))

    def embed_text(
        self, class_vectors: Float[Tensor, "n_classes text_width"]
    ) -> Float[Tensor, "n_classes width"]:
        """Embed class vectors."""
        return self._embedded(self.text(self.text_form(class_vectors)))

    def _embedded(self, projected: Float[Tensor, "n width"]) -> Float[Tensor, "n width"]:
        return normalize(projected) if self.config.unit_embeddings else projected

    @torch.inference_mode()
    def embed(
        self, clips: ClipFeatures, class_vectors: Float[np.ndarray, "n_classes text_width"]
    ) -> Embeddings:
        """Embed clips and classes; the one embedding of a clip stands for its sound and for its picture.

        So only text queries mean something here: T->A for sound, T->V for pictures, T->AV for both as one vector.

        Raises:
            SetupError: features or class vectors have another width than the network was made for.
        """
        rows = self._viewed(clips, class_vectors)
        parts = [self(self.form(on_device(self, rows[part]))) for part in parts_of(len(rows))]
        embedded = torch.cat(parts).cpu().numpy()
        text = self.embed_text(on_device(self, class_vectors)).cpu().numpy()
        return Embeddings(embedded, embedded, text, np.full(len(embedded), 0.5, embedded.dtype))

    def scores(
        self, clips: ClipFeatures, class_vectors: Float[np.ndarray, "n_classes text_width"]
    ) -> Float[np.ndarray, "n_clips n_classes"]:
        """Score every class for every clip by minus their distance."""
        embedded = self.embed(clips, class_vectors)
        return closeness(embedded.audio, embedded.text)

    def learnt_from(
        self, clips: ClipFeatures, class_vectors: Float[np.ndarray, "n_classes text_width"]
    ) -> Float[Tensor, "n feature_width"]:
        """Learn the form of the inputs from train clips, and give these in it, as `forward` takes them.

        Raises:
            SetupError: features or class vectors have another width than the network was made for.
        """
        rows = self._viewed(clips, class_vectors)
        self.form.learn(rows)
        return in_form(self, self.form, rows)

    def _viewed(
        self, clips: ClipFeatures, class_vectors: Float[np.ndarray, "n_classes text_width"]
    ) -> Float[np.ndarray, "n feature_width"]:
        """What it looks at of these clips, if widths are those of the network."""
        rows = clips.view(self.config.view)
        found = rows.shape[1], class_vectors.shape[1]
        expected = self.config.feature_width, self.config.text_width
        if found != expected:
            raise SetupError(
                f"{self.config.view} and class vectors are {found} wide, but this network takes {expected}; "
                "set the widths in SingleConfig and train again, or use the features it was trained on"
            )
        return rows


def fit_single(
    seen: SeenClips,
    class_vectors: Float[np.ndarray, "n_classes text_width"],
    config: SingleConfig,
    training: SingleTraining | None = None,
    *,
    seed: int,
    validate: Callable[[SingleView], float] | None,
    on_pass: Callable[[Pass], None] | None = None,
    progress: Progress | None = None,
    team: Team = ALONE,
) -> SingleView:
    """Fit a network of a single view on clips of seen classes, by eq. 1 alone.

    Args:
        seen: the only clips it learns from.
        class_vectors: one row a class of the class table; only rows of seen classes are looked at.
        config: what it sees, and its shape.
        training: how to train it.
        seed: of the first weights, of dropout and of the clips drawn, 0 or more.
        validate: what to maximise over passes, higher is better; None keeps the last pass.
        on_pass: told about every pass.
        progress: file from which to go on with a training that was broken off.
        team: the devices that train it; it stays on this one of them.

    Raises:
        SetupError: the clips have no such view, widths do not fit, fewer than two classes have clips, training
            diverged, or the progress is of another training.
    """
    training = training or SingleTraining()
    columns = SeenColumns.of(seen.labels, class_vectors, team.device)
    model = begun(lambda: SingleView(config), seed).to(team.device)
    rows = model.learnt_from(seen.clips, class_vectors)
    model.text_form.learn(class_vectors[seen.labels.classes.seen_mask])

    def step(generator: torch.Generator, share: Share) -> Step:
        drawn = columns.sampler.draw_evenly(columns.batch_size(training.optimising), generator)
        clips = share.part(drawn).to(team.device)
        classes = model.embed_text(columns.vectors)
        distances = class_distances(model(rows.index_select(0, clips)), classes)
        loss = batch_triplets(distances, columns.labels[clips], training.margin).mean()
        return Step(loss, {"text_spread": text_spread(classes)})

    train(
        model,
        step,
        columns.steps_per_pass(training.optimising),
        training.optimising,
        seed=seed,
        validate=validate,
        on_pass=on_pass,
        progress=progress,
        team=team,
    )
    with torch.no_grad():
        warn_of_collapse(float(text_spread(model.embed_text(columns.vectors))), training.margin)
    return model
