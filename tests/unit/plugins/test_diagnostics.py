"""What a method's diagnostics may be, and what is said of what they may not be."""

import pytest
import torch

from benchmark.api import Diagnostics, FeatureSpec, MethodError
from benchmark.plugins.diagnostics import check_diagnosed

FEATURES = torch.zeros(3, 2, 5, 4)
TOLD = FeatureSpec(4, {"motion": "given", "objects": "soft-kmeans"}, 6)


def test_right_ones_are_returned() -> None:
    right = Diagnostics(
        scores={"S": torch.rand(3, 5)},
        predictions={"motion": 9 * torch.randn(3, 5), "objects": torch.rand(3, 4, 6)},
        crossed={"S": torch.rand(3, 3, 5)},
    )
    for found in (right, Diagnostics()):
        assert check_diagnosed(found, FEATURES, TOLD) is found


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ({"S": torch.rand(3, 5)}, r"gave a dict, expected a Diagnostics"),
        (Diagnostics({"S": 0.5}), r"scores\['S'\] is a float, expected a tensor"),  # type: ignore[dict-item]
        (Diagnostics({"S": torch.rand(3, 2, 5)}), r"scores\['S'\] has shape \(3, 2, 5\), expected \(3, 5\)"),
        (Diagnostics({"S": torch.rand(3, 5) - 2}), r"scores\['S'\] has values outside \[0, 1\]"),
        (Diagnostics({"S": torch.rand(3, 5) * torch.nan}), r"scores\['S'\] has values that are not finite"),
        (Diagnostics({"score": torch.rand(3, 5)}), "has the name of the method's own score"),
        (Diagnostics(predictions={"flow": torch.rand(3, 5)}), r"\['flow'\] predicts what the method has no pseudo"),
        (Diagnostics(predictions={"objects": torch.rand(3, 4, 7)}), r"\(3, 4, 7\), expected \(3, any, 6\)"),
        (Diagnostics(crossed={"S": torch.rand(3, 5)}), r"has shape \(3, 5\), expected \(3, 3, 5\)"),
        (Diagnostics(crossed={"S": 2 + torch.rand(3, 3, 5)}), r"crossed\['S'\] has values outside"),
    ],
)
def test_wrong_ones_are_told_by_kind_and_name(found: object, message: str) -> None:
    with pytest.raises(MethodError, match=message):
        check_diagnosed(found, FEATURES, TOLD)


def test_what_a_run_has_no_source_of_cannot_be_predicted() -> None:
    told = FeatureSpec(4, {"motion": "none"})
    with pytest.raises(MethodError, match="no pseudo-label"):
        check_diagnosed(Diagnostics(predictions={"motion": torch.rand(3, 5)}), FEATURES, told)
