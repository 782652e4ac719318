import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.datasets.words import label_of_class, labels_in, split_in, splits_in
from benchmark.system.errors import InputError

SPLITS = {
    "train": "train",
    "training": "train",
    "Train2": "train",
    "SH_Train_new": "train",
    "trainlist01": "train",
    "rgbtrain": "train",
    "Training_Normal_Videos_Anomaly": "train",
    "MSAD-I3D-abnormal-training": "train",
    "test": "test",
    "testing_videos": "test",
    "RGBTest": "test",
    "rgbtest": "test",
    "xd_CLIP_rgbtest": "test",
    "test_normalv3": "test",
    "SH_Test_NEW": "test",
    "SH_Test_ten_crop_i3d": "test",
    "i3dtest": "test",
    "UCFTest": "test",
    "TESTVideos": "test",
    "shanghai-i3d-test-10crop": "test",
}
NO_SPLIT = (
    *("latest", "latest-rgb", "contest", "protest_01", "attestation", "testament", "fastest", "greatest", "rgb"),
    *("untrained", "pretrained", "strain", "constraint", "trainee", "trains", "val", "evaluation", ""),
)
LABELS = {
    "Normal": 0,
    "normal_traffic": 0,
    "NormalVideos": 0,
    "Training_Normal_Videos_Anomaly": 0,
    "Testing_Normal_Videos_Anomaly": 0,
    "Training-Normal-Videos-Part-1": 0,
    "test_normalv3": 0,
    "no_anomaly": 0,
    "anomaly_free": 0,
    "anomalyfree": 0,
    "AnomalyFree": 0,
    "AnomalyFreeVideos": 0,
    "violence-free": 0,
    "violencefree2": 0,
    "nonviolence": 0,
    "NonViolence": 0,
    "Non_violent": 0,
    "NonFight": 0,
    "cam_no_3_normal": 0,
    "notabnormal": 0,
    "withoutanomaly": 0,
    "anomalyless": 0,
    "free_of_anomaly": 0,
    "FreeOfAnomalies": 0,
    "without_any_violence": 0,
    "not a fight": 0,
    "normalcy": 0,
    "正常": 0,
    "训练正常": 0,
    "无异常": 0,
    "没有异常": 0,
    "Abnormal": 1,
    "ABNORMAL": 1,
    "AbNormal": 1,
    "ab-normal": 1,
    "abnormal_behaviour": 1,
    "abnormal12": 1,
    "Abnormality": 1,
    "Anomaly": 1,
    "Anomaly-Videos-Part-1": 1,
    "anomalous": 1,
    "anormal": 1,
    "not_normal": 1,
    "not_anomalyfree": 1,
    "unnormal": 1,
    "notnormal": 1,
    "act_of_violence": 1,
    "lack_often_fight": 1,
    "MSAD-I3D-abnormal-training": 1,
    "不正常": 1,
    "异常": 1,
}
NO_LABEL = ("paranormal", "normandy", "Abuse", "enormous", "north", "Fire_11", "")


@pytest.mark.parametrize(("name", "split"), SPLITS.items())
def test_a_word_for_the_split_is_found(name: str, split: str) -> None:
    assert splits_in(name) == {split}
    assert split_in(name) == split


@pytest.mark.parametrize("name", NO_SPLIT)
def test_letters_are_no_word_for_the_split(name: str) -> None:
    assert splits_in(name) == frozenset()
    assert split_in(name) is None


@pytest.mark.parametrize("name", ["train_test", "TrainTest", "training and testing", "test-of-train"])
def test_a_name_with_both_splits_is_of_neither(name: str) -> None:
    assert splits_in(name) == {"train", "test"}
    assert split_in(name) is None


@pytest.mark.parametrize(("name", "label"), LABELS.items())
def test_a_word_for_the_label_is_found(name: str, label: int) -> None:
    assert labels_in(name) == {label}
    assert label_of_class(name, "a.txt:1") == label


@pytest.mark.parametrize("name", NO_LABEL)
def test_letters_are_no_word_for_the_label(name: str) -> None:
    assert labels_in(name) == frozenset()


@pytest.mark.parametrize(
    "name",
    [
        "AbnormalNormal",
        "NormalAbnormal",
        "normalabnormal",
        "ABNORMALNORMAL",
        "normalanomaly",
        "NormalFightTest",
        "fightnormal",
        "正常异常",
        "异常正常",
    ],
)
def test_a_name_with_both_labels_is_of_neither(name: str) -> None:
    assert labels_in(name) == {0, 1}
    with pytest.raises(InputError, match="may be of normal or abnormal videos"):
        label_of_class(name, "a.txt:1")


@pytest.mark.parametrize("name", ["0", "1", "2", "01_2", "-1", "#", ""])
def test_a_class_that_is_a_mere_number_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"a\.txt:1: the class .* may be of normal or abnormal videos"):
        label_of_class(name, "a.txt:1")


def test_a_class_without_a_word_is_abnormal_and_one_of_both_or_of_nearly_normal_refused() -> None:
    assert label_of_class("Tailgating", "a.txt:1") == 1
    for name in (
        "normal_and_abnormal",
        "No_helmet",
        "nonevent",
        "Regular",
        "negative",
        "Neg",
        "N",
        "false",
        "Background",
        "normaltraffic",
    ):
        with pytest.raises(InputError, match=r"a\.txt:1: the class .* may be of normal or abnormal videos"):
            label_of_class(name, "a.txt:1")


LETTERS = st.text(string.ascii_lowercase, min_size=1, max_size=8)
FILLERS = st.sampled_from(["ucf", "rgb", "cam", "ped2", "scene 3", "x_264", "MSAD"])
SIGNS = st.sampled_from(["_", "-", ".", " ", "__", "(", "1"])


@given(st.sampled_from(["train", "training", "test", "testing"]), FILLERS, FILLERS, SIGNS, st.booleans())
def test_a_word_apart_is_always_found(word: str, before: str, after: str, sign: str, upper: bool) -> None:
    name = f"{before}{sign}{word.upper() if upper else word.capitalize()}{sign}{after}"
    assert splits_in(name) == {"train" if word.startswith("train") else "test"}


@given(LETTERS, LETTERS)
def test_only_known_parts_may_be_glued_to_a_word(before: str, after: str) -> None:
    known = r"(d|my|own|all|new|full|rgb|flow|audio|clip|vggish|ucf|xd|sht?|shanghai|feat|features?|videos?|list)?"
    name = f"{before}test{after}"
    if split_in(name) == "test":
        assert re.match(rf"{known}(normal|abnormal|anomaly)?test", name)
    name = f"{before}normal{after}"
    if labels_in(name) == {0}:
        assert not re.search(r"(ab|un|in|par?a|^a)normal", name)


@given(st.text(max_size=40))
def test_any_name_can_be_asked(name: str) -> None:
    assert splits_in(name) <= {"train", "test"}
    assert labels_in(name) <= {0, 1}
    assert labels_in(name + "_x") >= frozenset() == labels_in("")
