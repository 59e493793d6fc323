"""The order in which clips come to a closed form is of no account."""

import numpy as np
import pytest
from closed_form_world import TABLE, ClosedFormWorld, labelled
from hypothesis import given, settings
from hypothesis import strategies as st

from audiosetzsl.evaluation.training_set import View
from models.baselines.conse import fit_conse
from models.baselines.gcca import fit_gcca
from models.baselines.pretrained import fit_pretrained
from models.baselines.sae import SaeSettings, Space, fit_sae

WORLD = ClosedFormWorld(video_width=10)
SEEN, ACTUAL = WORLD.seen()
ASKED = WORLD.clips(np.arange(len(TABLE.names)))


def scores_of(fit, **how):
    return lambda seen: fit(seen, WORLD.class_vectors, view=View.CONCAT, **how).scores(
        ASKED, WORLD.class_vectors
    )


def products_of(fit):
    """Of everything with everything, as axes may point either way."""

    def products(seen):
        found = fit(seen, WORLD.class_vectors).embed(ASKED, WORLD.class_vectors)
        rows = np.concatenate([found.audio, found.video, found.text])
        return rows @ rows.T

    return products


FITS = {
    "sae": scores_of(fit_sae),
    "sae in words": scores_of(fit_sae, settings=SaeSettings(space=Space.WORDS)),
    "conse": scores_of(fit_conse),  # L-BFGS ends near by, not at one and the same place
    "gcca": products_of(fit_gcca),
    "pretrained": products_of(fit_pretrained),
}


@settings(max_examples=5, deadline=None)
@given(order=st.permutations(range(len(ACTUAL))))
@pytest.mark.parametrize("name", FITS)
def test_clips_in_another_order_make_the_same(name, order):
    order = np.array(order)
    turned = labelled(SEEN.clips.rows(order), ACTUAL[order])
    one, other = (FITS[name](clips) for clips in (SEEN, turned))
    np.testing.assert_allclose(other, one, atol=1e-4)
