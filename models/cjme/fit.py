"""Training CJME: class-balanced clips, the losses summed, the best state on val kept."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding

from audiosetzsl.evaluation.training_set import SeenClips
from models.cjme.losses import (
    agreement_loss,
    attention_loss,
    attention_target,
    batch_triplets,
    class_distances,
    joint_loss,
    pair_triplets,
)
from models.cjme.network import Cjme, CjmeConfig, check_widths
from models.cjme.settings import CjmeTraining
from models.cjme.start import SeenColumns, begun, text_spread, warn_of_collapse
from models.training import ALONE, Pass, Progress, Share, Step, Team, train


def fit_cjme(
    seen: SeenClips,
    class_vectors: Float[np.ndarray, "n_classes text_width"],
    config: CjmeConfig | None = None,
    training: CjmeTraining | None = None,
    *,
    seed: int,
    validate: Callable[[Cjme], float] | None,
    on_pass: Callable[[Pass], None] | None = None,
    progress: Progress | None = None,
    team: Team = ALONE,
) -> Cjme:
    """Fit CJME on clips of seen classes, L_attn = L (eq. 4) + L_CE-alpha (eq. 7).

    Every pass tells the loss, its parts (`agreement`, `audio_triplets`, `video_triplets`, `attention`), the share of
    clips that eq. 7 decides (`decided`), the mean `alpha`, and how far class embeddings lie from their mean
    (`text_spread`): where that ends near 0 all is one point, of which the log warns.

    Args:
        seen: the only clips it learns from.
        class_vectors: one row a class of the class table; only rows of seen classes are looked at.
        config: shape of the network.
        training: how to train it.
        seed: of the first weights, of dropout and of the clips drawn, 0 or more.
        validate: what to maximise over passes, higher is better; None keeps the last pass.
        on_pass: told about every pass.
        progress: file from which to go on with a training that was broken off.
        team: the devices that train it; it stays on this one of them. A clip then has its negatives in the share
            of the batch that its device works on.

    Raises:
        SetupError: widths do not fit, fewer than two classes have clips, training diverged, or the progress is of
            another training.
    """
    config, training = config or CjmeConfig(), training or CjmeTraining()
    check_widths(config, seen.clips, class_vectors)
    columns = SeenColumns.of(seen.labels, class_vectors, team.device)
    model = begun(lambda: Cjme(config), seed).to(team.device)
    model.learn_forms(seen, class_vectors)
    lesson = _Lesson(model, *model.prepared(seen.clips.audio, seen.clips.video), columns, training)
    train(
        model,
        lesson.on_batch if training.negatives == "batch" else lesson.on_pairs,
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


@dataclass(frozen=True, slots=True)
class _Lesson:
    """What is learnt from, in the form in which the network takes it, and the loss of a batch of it."""

    model: Cjme
    audio: Float[Tensor, "n_clips audio_width"]
    video: Float[Tensor, "n_clips video_width"]
    columns: SeenColumns
    training: CjmeTraining

    def on_batch(self, generator: torch.Generator, share: Share) -> Step:
        """Every clip of a batch is a p, and every clip of another class a q of it."""
        clips = self.columns.sampler.draw_evenly(self._n_drawn, generator)
        audio, video, logits, labels = self._embedded(share.part(clips))
        classes = self.model.embed_text(self.columns.vectors)
        by_audio, by_video = class_distances(audio, classes), class_distances(video, classes)
        return self._step(
            batch_triplets(by_audio, labels, self.training.margin),
            batch_triplets(by_video, labels, self.training.margin),
            agreement_loss(audio, video, self.training.agreement),
            logits,
            attention_target(by_audio, by_video, xi=self.training.xi, sign=self.training.sign),
            classes,
        )

    def on_pairs(self, generator: torch.Generator, share: Share) -> Step:
        """Every p has one q, a clip of any other class."""
        p, q = (share.part(clips) for clips in self.columns.sampler.draw_pairs(self._n_drawn, generator))
        audio, video, logits, labels = self._embedded(p)
        audio_q, video_q, *_ = self._embedded(q)
        classes = self.model.embed_text(self.columns.vectors)
        by_audio, by_video = class_distances(audio, classes), class_distances(video, classes)
        # Not classes[labels], whose gradient two threads add up in any order, so that no two trainings are the same.
        own = embedding(labels, classes)
        audio_triplets, video_triplets = (
            pair_triplets(
                of_p.gather(1, labels[:, None]).squeeze(1),
                torch.linalg.vector_norm(of_q - own, dim=1),
                self.training.margin,
            )
            for of_p, of_q in ((by_audio, audio_q), (by_video, video_q))
        )
        if self.training.agreement_of == "p and q":
            audio, video = torch.cat([audio, audio_q]), torch.cat([video, video_q])
        return self._step(
            audio_triplets,
            video_triplets,
            agreement_loss(audio, video, self.training.agreement),
            logits,
            attention_target(by_audio, by_video, xi=self.training.xi, sign=self.training.sign),
            classes,
        )

    @property
    def _n_drawn(self) -> int:
        return self.columns.batch_size(self.training.optimising)

    def _embedded(
        self, clips: Int[Tensor, " n"]
    ) -> tuple[Float[Tensor, "n width"], Float[Tensor, "n width"], Float[Tensor, " n"], Int[Tensor, " n"]]:
        clips = clips.to(self.audio.device)
        rows = self.audio.index_select(0, clips), self.video.index_select(0, clips)
        return *self.model(*rows), self.columns.labels[clips]

    def _step(
        self,
        audio_triplets: Float[Tensor, " n"],
        video_triplets: Float[Tensor, " n"],
        agreement: Float[Tensor, ""],
        logits: Float[Tensor, " n"],
        target: Float[Tensor, " n"],
        classes: Float[Tensor, "n_seen width"],
    ) -> Step:
        """L_attn of a batch, of the losses that are on, and what is told of it."""
        training, on = (
            self.training,
            {name: float(name in self.training.losses) for name in ("AV", "TA", "TV")},
        )
        alpha = torch.sigmoid(logits)
        joint = joint_loss(
            on["TA"] * audio_triplets,
            on["TV"] * video_triplets,
            alpha if on["TA"] and on["TV"] else torch.full_like(alpha, 0.5),
            agreement,
            gamma=training.gamma,
            lambda_=training.lambda_ * on["AV"],
        )
        told = {
            "agreement": agreement,
            "audio_triplets": audio_triplets.mean(),
            "video_triplets": video_triplets.mean(),
            "decided": (target != 0.5).to(alpha.dtype).mean(),
            "alpha": alpha.mean(),
            "text_spread": text_spread(classes),
        }
        if self.model.attention:
            told["attention"] = attention_loss(logits, target, training.attention_loss)
            joint = joint + told["attention"]
        return Step(joint, {name: value.detach() for name, value in told.items()})
