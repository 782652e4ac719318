"""Names of parameters in the forms that weights are published in, turned into those of our networks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

_Value = TypeVar("_Value")
_Rename = Callable[[str], str | None]
"""Returns a name of ours; the same name where it is not of that form, None for what is no part of the network."""

_CAFFE2 = re.compile(r"res([2-5])_([0-9])_branch(1|2a|2b|2c)_(?:(w)|bn_(s|b|rm|riv))")
_BATCH_NORM = {"s": "weight", "b": "bias", "rm": "running_mean", "riv": "running_var"}
_CAFFE2_ENDS = {
    "conv1_w": "conv1.weight",
    **{f"res_conv1_bn_{ours}": f"bn1.{name}" for ours, name in _BATCH_NORM.items()},
    "pred_w": "fc.weight",
    "pred_b": "fc.bias",
}
_BRANCHES = {
    "branch_0": "b0",
    "branch_1.0": "b1a",
    "branch_1.1": "b1b",
    "branch_2.0": "b2a",
    "branch_2.1": "b2b",
    "branch_3.1": "b3b",
}
_HASSONY2 = re.compile(r"(conv3d_[12][abc]_[137]x[137]|mixed_[345][b-f])(?:\.(branch_[0-3](?:\.[01])?))?\.(.*)")
_TEXT_SIDE = re.compile(
    r"(transformer|ln_final|token_embedding)\..*|positional_embedding|text_projection|logit_scale|logit_bias|"
    r"input_resolution|context_length|vocab_size"
)


def our_names(network: str, weights: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return weights under the names of one of our networks, as far as they are in a form that is known.

    - ``i3d-r50``: blobs of Caffe2 (facebookresearch/video-nonlocal-net).
    - ``i3d-inception``: hassony2/kinetics_i3d_pytorch, which v-iashin/video_features has as well.
    - ``clip-vit-b16``: the whole of CLIP, of which the text encoder is left out.
    """
    rename = _FORMS[network]
    named = ((rename(name.removeprefix("module.")), value) for name, value in weights.items())
    return {name: value for name, value in named if name is not None}


def _from_caffe2(name: str) -> str:
    if name in _CAFFE2_ENDS:
        return _CAFFE2_ENDS[name]
    if not (match := _CAFFE2.fullmatch(name)):
        return name
    stage, block, branch, weight, norm = match.groups()
    place = f"layer{int(stage) - 1}.{block}"
    if branch == "1":
        return f"{place}.downsample.0.weight" if weight else f"{place}.downsample.1.{_BATCH_NORM[norm]}"
    number = "abc".index(branch[1]) + 1
    return f"{place}.conv{number}.weight" if weight else f"{place}.bn{number}.{_BATCH_NORM[norm]}"


def _from_hassony2(name: str) -> str:
    if name.startswith("conv3d_0c_1x1.conv3d."):
        return name.replace("conv3d_0c_1x1", "logits")
    if not (match := _HASSONY2.fullmatch(name)):
        return name
    layer, branch, rest = match.groups()
    rest = rest.replace("batch3d.", "bn.")
    parts = [layer.capitalize(), *([_BRANCHES.get(branch, branch)] if branch else []), rest]
    return ".".join(parts)


def _as_it_is(name: str) -> str:
    return name


def _image_side(name: str) -> str | None:
    return None if _TEXT_SIDE.fullmatch(name) else name


_FORMS: Mapping[str, _Rename] = {
    "i3d-r50": _from_caffe2,
    "i3d-inception": _from_hassony2,
    "i3d-inception-flow": _from_hassony2,
    "c3d": _as_it_is,
    "c3d-padded": _as_it_is,
    "clip-vit-b16": _image_side,
}
