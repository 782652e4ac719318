"""What a manifest may say: it is checked when it is read, for training as for `data check`."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.datasets.manifest import Manifest, read_manifest, write_manifest
from benchmark.system.errors import InputError

TRAIN, NORMAL, ABNORMAL = 0, 1, 2


def _sound() -> Manifest:
    train = {"name": "t", "split": "train", "label": 1, "first_row": 0, "rows": 5, "classes": ["Arson"]}
    normal = {"name": "n", "split": "test", "label": 0, "first_row": 5, "rows": 2, "frames": 32}
    abnormal = {"name": "a", "split": "test", "label": 1, "first_row": 7, "rows": 3, "frames": 40}
    abnormal |= {"classes": ["Arson", "Assault"], "intervals": [[0, 4], [4, 9], [30, 40]]}
    videos = [{**video, "sha256": "0" * 64} for video in (train, normal, abnormal)]
    fields = {"name": "mine", "benchmark": "other", "metric": "auc_frame", "feature_set": "f", "dim": 4, "crops": 1}
    return Manifest.model_validate_json(json.dumps(fields | {"videos": videos, "missing": ["m"]}))


def _read_changed(folder: Path, video: int | None, change: dict[str, Any]) -> Manifest:
    write_manifest(_sound(), folder)
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    (content if video is None else content["videos"][video]).update(change)
    path.write_text(json.dumps(content))
    return read_manifest(folder)


def test_a_sound_one_is_read_back(tmp_path: Path) -> None:
    write_manifest(_sound(), tmp_path)
    assert read_manifest(tmp_path) == _sound()


def test_a_rate_that_was_not_stated_is_not_written_and_is_in_no_hash(tmp_path: Path) -> None:
    write_manifest(_sound(), tmp_path)
    assert "fps" not in json.loads((tmp_path / "manifest.json").read_text())
    stated = _read_changed(tmp_path, None, {"fps": 12.5})
    assert stated.fps == 12.5
    assert (stated.test_hash(), stated.train_hash()) == (_sound().test_hash(), _sound().train_hash())


@pytest.mark.parametrize("fps", [0, -25, 1e6, "fast"])
def test_a_rate_that_no_camera_has_is_refused(fps: object, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a valid manifest at fps"):
        _read_changed(tmp_path, None, {"fps": fps})


@pytest.mark.parametrize(
    ("video", "change"),
    [
        # A class that nobody knows, a snippet that was lost, and lengths that are not known.
        (ABNORMAL, {"classes": []}),
        (ABNORMAL, {"frames": 65, "intervals": [[0, 65]]}),
        (TRAIN, {"unit": "segments", "frames": 10_000}),
        (TRAIN, {"frames": None}),
    ],
)
def test_what_imports_give_is_read(video: int, change: dict[str, Any], tmp_path: Path) -> None:
    read = _read_changed(tmp_path, video, change)
    assert change.items() <= read.videos[video].model_dump(mode="json").items()


@pytest.mark.parametrize(
    ("video", "change", "reason"),
    [
        (ABNORMAL, {"frames": -5}, "frames"),
        (ABNORMAL, {"frames": 0}, "frames"),
        (ABNORMAL, {"frames": 10**15}, "frames"),
        (ABNORMAL, {"frames": None}, "a has no frame count"),
        (ABNORMAL, {"frames": 10**6}, "3 snippets of test video a do not fit its 1000000 frames"),
        (NORMAL, {"frames": 16}, "2 snippets of test video n do not fit its 16 frames"),
        (NORMAL, {"unit": "segments"}, "n consists of segments"),
        (ABNORMAL, {"intervals": [[-1, 4]]}, "outside its frames"),
        (ABNORMAL, {"intervals": [[30, 41]]}, "outside its frames"),
        (ABNORMAL, {"intervals": [[4, 4]]}, "not ascending"),
        (ABNORMAL, {"intervals": [[9, 4]]}, "not ascending"),
        (ABNORMAL, {"intervals": [[0, 9], [5, 12]]}, "not ascending"),
        (ABNORMAL, {"intervals": []}, "no abnormal frames"),
        (ABNORMAL, {"label": 0}, "a is normal, and has abnormal frames"),
        (NORMAL, {"classes": ["Arson"]}, "n is normal, and has"),
        (TRAIN, {"label": 2}, "label"),
        (TRAIN, {"rows": -1}, "rows"),
        (TRAIN, {"rows": 4}, "rows of video n do not follow"),
        (TRAIN, {"first_row": 1}, "rows of video t do not follow"),
        (ABNORMAL, {"first_row": 5}, "rows of video a do not follow"),
        (ABNORMAL, {"name": "n"}, "n is there twice"),
        (TRAIN, {"name": "../../x"}, "another folder"),
        (TRAIN, {"name": "a\0b"}, "do not print"),
        (TRAIN, {"name": ""}, "empty"),
        (TRAIN, {"classes": ["a\x1fb"]}, "do not print"),
        (TRAIN, {"classes": ["a\x1b[2J"]}, "do not print"),
        (TRAIN, {"classes": [""]}, "empty"),
        (TRAIN, {"classes": ["a" * 10**6]}, "1000000 bytes"),
        (None, {"name": ".."}, "another folder"),
        (None, {"feature_set": "f\n"}, "do not print"),
        (None, {"missing": ["a/b"]}, "another folder"),
        (None, {"dim": 0}, "dim"),
        (None, {"crops": -1}, "crops"),
        (None, {"object_classes": -1}, "object_classes"),
        (None, {"norms": [0, float("nan"), 1]}, "norms"),
    ],
)
def test_what_no_import_gives_is_refused_in_a_line(
    video: int | None, change: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=reason) as refused:
        _read_changed(tmp_path, video, change)
    assert str(tmp_path / "manifest.json") in str(refused.value)
    assert len(str(refused.value)) < 1000
