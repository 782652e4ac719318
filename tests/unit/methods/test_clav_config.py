"""Settings of CLAV that are refused."""

import pytest
from pydantic import ValidationError

from methods.clav.config import CLAVConfig


@pytest.mark.parametrize(
    ("switches", "message"),
    [
        ({"relation": "none", "graph_fusion": "states"}, "graph_fusion 'states' means nothing without relation como"),
        ({"relation": "rn", "context_nodes": "rows"}, "context_nodes 'rows' means nothing without relation como"),
        ({"rn_pooling": "sum"}, "rn_pooling 'sum' means nothing without relation rn: leave it at 'mean'"),
        ({"relation": "rn", "rn_pooling": "sum"}, "rn_pooling 'sum' means nothing without relation_norm batch or none"),
        (
            {"relation_extent": "video", "distance_relation_top": "scores"},
            "distance_relation_top 'scores' means nothing without relation_extent segment",
        ),
        (
            {"activation": "none", "reconstruction_detach": True},
            "reconstruction_detach True means nothing without an activation",
        ),
        ({"relation": "none", "fusion": "mixture"}, "fusion 'mixture' means nothing without relation como or rn"),
        ({"relation": "none", "mil": "joint"}, "mil 'joint' means nothing without relation como or rn"),
        ({"relation": "none", "static_order": "motion"}, "leave it at 'time'"),
        ({"context_length": "all", "static_order": "motion"}, "means nothing without context_length static"),
        ({"intensity_weight": 0, "intensity_activation": "sigmoid"}, "means nothing without a dynamic path"),
        ({"reconstruction_weight": 0, "reconstruction_detach": True}, "means nothing without CS modules"),
        ({"distance_weight": 0, "distance_diagonal": False}, "means nothing without a weight of the distances"),
        ({"activation": "none", "ica_kernel": 1}, "ica_kernel 1 means nothing without an activation"),
    ],
)
def test_switches_that_switch_nothing_are_refused_with_a_sentence(switches, message):
    with pytest.raises(ValidationError, match=message):
        CLAVConfig(**switches)


def test_mixture_with_alpha_above_one_is_refused():
    with pytest.raises(ValidationError, match=r"fusion 'mixture' .* needs alpha <= 1, not 1.5"):
        CLAVConfig(fusion="mixture", alpha=1.5)
    assert CLAVConfig(alpha=1.5).alpha == 1.5


@pytest.mark.parametrize(
    "bad", [{"ica_kernel": 2}, {"top_k": 0}, {"mil": "A"}, {"lambda_cs": 1.0}, {"static_fraction": 0}]
)
def test_unknown_keys_and_values_are_refused(bad):
    with pytest.raises(ValidationError, match=next(iter(bad))):
        CLAVConfig(**bad)
