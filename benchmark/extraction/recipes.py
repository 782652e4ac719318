"""Named extractors: the whole recipe that published features were made by, so that a name means the same numbers."""

from __future__ import annotations

from collections.abc import Mapping

from benchmark.extraction.recipe import Recipe
from benchmark.system.errors import InputError
from benchmark.system.near_names import did_you_mean, find_alike
from benchmark.terms import SNIPPET_FRAMES, FlowMethod

RECIPES: Mapping[str, Recipe] = {
    recipe.extractor: recipe
    for recipe in (
        # tianyu0207/RTFM as its author describes it in issue 21.
        Recipe(
            extractor="i3d-r50-rtfm",
            network="i3d-r50",
            layer="layer4, mean over time and space",
            resize="short 256",
            filter="pil-bilinear",
            crops="ten",
            normalise="i3d",
            tail="loop",
        ),
        # GowthamGottimukkala/I3D_Feature_Extraction_resnet: other colours than the network was trained on.
        Recipe(
            extractor="i3d-r50-gowtham",
            network="i3d-r50",
            layer="layer4, mean over time and space",
            resize="340x256",
            filter="pil-lanczos",
            crops="oversample",
            normalise="i3d-inception",
            fewest_frames=SNIPPET_FRAMES + 1,
        ),
        # Roc-Ng/XDVioDet and Roc-Ng/DeepMIL.
        Recipe(
            extractor="i3d-rocng",
            network="i3d-inception",
            layer="Mixed_5c, average pool 2x7x7",
            resize="short 256",
            filter="cv2-linear",
            crops="centre-ten",
            normalise="i3d-inception",
            tail="lookahead",
        ),
        # v-iashin/video_features with stacks and steps of 16 frames, as PEL4VAD ran it on colours.
        Recipe(
            extractor="i3d-videofeatures",
            network="i3d-inception",
            layer="Mixed_5c, average pool 2x7x7",
            resize="short 256",
            filter="pil-bilinear",
            crops="one",
            centre="floor",
            normalise="i3d-inception",
            tail="lookahead",
        ),
        # facebookarchive/C3D, version 1.0, as WaqasSultani/AnomalyDetectionCVPR2018 ran it.
        Recipe(
            extractor="c3d-sultani",
            network="c3d",
            layer="fc6 after ReLU",
            resize="171x128",
            filter="cv2-linear",
            crops="one",
            width=112,
            height=112,
            centre="floor",
            channels="bgr",
            normalise="mean-cube",
        ),
        # ekosman/AnomalyDetectionCVPR2018-Pytorch: (x - (124, 117, 104)) 0.0167, a sixtieth of what C3D was trained on.
        Recipe(
            extractor="c3d-ekosman",
            network="c3d-padded",
            layer="fc6 after ReLU",
            resize="171x128",
            filter="float-linear",
            crops="one",
            width=112,
            height=112,
            normalise=((124 / 255, 117 / 255, 104 / 255), (1 / (0.0167 * 255),) * 3),
        ),
        # nwpu-zxr/VadCLIP; that the mean of all frames is meant is a guess, as is the tail.
        Recipe(
            extractor="clip-vadclip",
            network="clip-vit-b16",
            layer="projected class token, of any length",
            kind="image",
            resize="340x256",
            filter="cv2-linear",
            crops="centre-ten",
            normalise="clip",
        ),
    )
}
FLOW_NETWORKS = {"i3d-rocng": "i3d-inception-flow"}
"""What sees the flow, for extractors that have it."""


def find_recipe(name: str, flow: FlowMethod | None = None) -> Recipe:
    """Return the recipe of a named extractor, of colours or of flow.

    Raises
    ------
    InputError
        If there is none.
    """
    found = find_alike(name, RECIPES)
    if found is None:
        known = did_you_mean(name, RECIPES) or f"; known: {', '.join(RECIPES)}"
        raise InputError(f"--extractor {name}: there is no such extractor{known}")
    recipe = RECIPES[found]
    if flow is None:
        return recipe
    if found not in FLOW_NETWORKS:
        raise InputError(f"--flow {flow}: {found} has no network of flow; {', '.join(FLOW_NETWORKS)} has")
    return recipe.model_copy(update={"flow": flow, "network": FLOW_NETWORKS[found]})
