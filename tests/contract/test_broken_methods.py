"""Each way to break the contract is told by its own message, and no other complaint hides it."""

import re
from pathlib import Path

import pytest

from benchmark.api import Method
from benchmark.plugins.contract import CHECKS, examine, find_subject
from tests.plugins import broken_methods

GALLERY = Path(broken_methods.__file__)
METHODS = [
    name
    for name, found in vars(broken_methods).items()
    if isinstance(found, type) and issubclass(found, Method) and found is not Method
]

MESSAGES = {
    "FieldWithoutDefault": ("config", r"the Config field hidden has no default\. Give each"),
    "FieldThatCannotBeSent": ("config", r"sent to a worker process or stored: its field activation has no plain value"),
    "FieldThatChanges": ("config", r"field hidden changes .*: 16 comes back as 32"),
    "UnknownInput": ("inputs", r"there is no input flow\. Choose of motion, objects"),
    "UnknownSource": ("inputs", r"motion has no source 'optical-flow'\. Choose of given,"),
    "VectorsWithoutClasses": ("inputs", r'class_vectors are those of classes.*Add "classes" to the inputs\.'),
    "SourceAsText": ("inputs", r"the input motion lists 'none'\. List the sources it accepts in a tuple"),
    "NoDict": ("loss terms", r"training_step\(\) gave a Tensor\. Return a dict"),
    "NoLoss": ("loss terms", r'gave no "loss", only total'),
    "TermNoScalar": ("loss terms", r"term normal has shape \(2, 32\) and is no scalar.*shape \(2, 1, 32, 48\)"),
    "TermNoTensor": ("loss terms", r"term normal is a float\. Return the tensor itself"),
    "TermNotFinite": ("loss terms", r"term normal is -inf"),
    "DetachedLoss": ("loss terms", r"the loss has no gradient"),
    "TermsThatChange": (
        "loss terms",
        r"change: loss, normal, abnormal at step 1, loss, normal, abnormal, late at step 2",
    ),
    "OneSourceBreaks": ("loss terms", r"AttributeError: .*broken_methods\.py line \d+: weight = .*with motion=none"),
    "WrongSizeOfFeatures": ("loss terms", r"\(64x48 and 1024x8\), at broken_methods\.py line \d+.*\(2, 1, 32, 48\)"),
    "NoTrainingStep": ("loss terms", r"defines no training_step"),
    "UnusedParameter": ("gradients", r"no gradient reaches unused\.bias, unused\.weight\."),
    "GradientNotFinite": ("gradients", r"the gradient of output\.bias is not finite, though the loss is"),
    "GradientOfBlankFrames": ("blank training", r"gradient of hidden\.weight reaches nan.*all zeros"),
    "BatchOfTwo": ("one pair", r"ValueError: Expected more than 1 value per channel.*shape \(1, 1, 32, 48\)"),
    "OneCropInTraining": ("training crops", r"RuntimeError: shape .* is invalid.*shape \(2, 2, 32, 48\)"),
    "OneCrop": ("crops", r"gave shape \(2, 2, 32\); expected \(2, 32\).*Take the mean over the crops"),
    "FixedSegments": ("segments", r"selected index k out of range.*shape \(2, 1, 1, 48\)"),
    "LengthsInVain": ("padding", r"RuntimeError: .*\(32\) .*\(3\).*shape \(3, 1, 32, 48\).*filled up with zeros"),
    "NormalOnlyReadsAbnormal": (
        "supervision",
        r"supervision is normal-only, but training depends on abnormal videos: the losses are \[.*with motion=given",
    ),
    "NormalOnlyPreparesByAbnormal": ("supervision", r"is normal-only, but training depends on abnormal videos"),
    "UnsupervisedReadsHalf": ("supervision", r"supervision is none, but training depends on which videos are abnormal"),
    "ClassesUnasked": ("supervision", r'supervision is weak-classes, but inputs has no "classes"\. Ask for them'),
    "ReadsClassesUnasked": (
        "supervision",
        r"supervision is weak, but training depends on classes of the videos, though",
    ),
    "FixedSnippets": ("snippets", r"broken_methods\.py line \d+: .*unfold.*shape \(1, 1, 1, 48\)"),
    "LongVideos": ("snippets", r"gave shape \(1, 256\); expected \(1, 299\)"),
    "FeatureSizeOfEight": ("feature sizes", r"unflatten.*features of size 1, where others had 48; features\.dim says"),
    "CropsLeft": ("scores", r"gave shape \(2, 1, 32\); expected \(2, 32\).*Take the mean over the crops"),
    "AxisLeft": ("scores", r"gave shape \(2, 32, 1\); expected \(2, 32\).*Drop the last axis"),
    "SnippetLost": ("scores", r"gave shape \(2, 31\); expected \(2, 32\).*as many of both as came in"),
    "ScoreOfAnotherKind": ("scores", r"gave a ndarray\. Return a tensor"),
    "NotANumber": ("scores", r"gave NaN for 64 of 64 snippets"),
    "OutOfRange": ("scores", r"gave values from -\d.* to -\d.*; scores lie in \[0, 1\]"),
    "BlankNotANumber": ("blank scores", r"gave NaN for 32 of 32 snippets.*all zeros"),
    "Crash": ("scores", r"^KeyError: 'scores', at broken_methods\.py line \d+: return {}\[\"scores\"\]"),
    "Exits": ("scores", r"^SystemExit: 3, at broken_methods\.py line \d+: raise SystemExit\(3\)"),
    "FirstCrop": ("crop order", r"when the crops come in another order"),
    "MixedVideos": ("mixing of videos", r"when other videos are scored with it"),
    "EmbeddingWithCrops": ("embedding", r"gave shape \(2, 1, 32, 48\).*expected \(2, 32, any\)"),
    "EmbeddingNotFinite": ("embedding", r"not finite"),
    "EmbeddingNoTensor": ("embedding", r"embed\(\) gave a tuple"),
    "DiagnosticsWithCrops": ("diagnostics", r"scores\['part'\] has shape \(3, 2, 32\), expected \(3, 32\)"),
    "DiagnosticsNoTensors": ("diagnostics", r"diagnostics\(\) gave a dict, expected a Diagnostics"),
    "OwnGenerator": ("seed", r"the same seed gives other initial weights \(hidden\.weight\)"),
    "UnseededNumpy": ("seed", r"the same seed gives other trained weights"),
    "GlobalState": ("seed", r"the same seed gives other trained weights"),
    "SeedsItself": ("seed", r"__init__ seeds PyTorch's random generator"),
    "SeedsPythonInTraining": ("seed", r"training_step seeds Python's random generator"),
    "DropoutInEvaluation": ("evaluation", r"draws random numbers from PyTorch's generator.*dropout with training=self"),
    "Statistics": ("evaluation", r"score\(\) changes seen\."),
    "LeavesTrainingMode": ("evaluation", r"leaves the method in training mode"),
    "Remembers": ("evaluation", r"depend on what was scored before"),
    "ChangesItsArgument": ("argument", r"score\(\) changes its argument"),
    "StateOutside": ("save and load", r"depend on something outside state_dict\(\)"),
    "WeightsNoTensor": ("save and load", r"holds _extra_state, a dict; weights are tensors"),
    "LateLayer": ("save and load", r"do not fit a fresh instance: .*late\.bias"),
}
"""The check that a method fails, and what it says."""


RIGHT = ("Right", "NormalOnly", "Unsupervised", "WithClasses")


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_method_breaks_nothing(name):
    findings = list(examine(find_subject(f"{GALLERY}:{name}")))
    assert [finding for finding in findings if finding.verdict != "ok"] == []
    assert [finding.check for finding in findings] == list(CHECKS)


@pytest.mark.parametrize("name", MESSAGES)
def test_the_message_says_what_is_wrong_and_stands_alone(name):
    findings = list(examine(find_subject(f"{GALLERY}:{name}")))
    assert [finding.check for finding in findings] == list(CHECKS)
    broken = {finding.check: finding.message for finding in findings if finding.verdict == "broken"}
    check, message = MESSAGES[name]
    assert list(broken) == [check], broken
    assert re.search(message, broken[check]), broken[check]
    assert "\n" not in broken[check]


def test_layers_in_a_list_are_neither_trained_nor_stored():
    findings = examine(find_subject(f"{GALLERY}:NoParameters"))
    broken = {finding.check: finding.message for finding in findings if finding.verdict == "broken"}
    assert list(broken) == ["loss terms", "save and load"]
    assert all("nn.ModuleList" in message for message in broken.values())


def test_every_broken_method_of_the_gallery_is_tried():
    assert set(METHODS) == {*MESSAGES, *RIGHT, "NoParameters"}


def test_every_check_is_broken_by_some_method():
    assert {check for check, _ in MESSAGES.values()} == set(CHECKS)
