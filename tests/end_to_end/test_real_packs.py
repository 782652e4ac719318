"""The whole way on real features: import, train, evaluate, render."""

from pathlib import Path

import pytest

from benchmark.cli import run
from benchmark.runs.store import RunStore

pytestmark = pytest.mark.real_data

TINY = ["--seeds", "1", "--set", "steps=2", "--looks", "0", "--tracking", "none"]


def import_pack(pack: Path, data: Path, feature_set: str, *more: str) -> None:
    where = ["--features", str(pack / "features"), "--annotations", str(pack), "--feature-set", feature_set]
    assert run(["data", "import", pack.name, *where, *more, "--data", str(data)]) == 0


def test_table4_across_two_packs_of_one_feature_space(real_data: Path, tmp_path: Path) -> None:
    names = ["surveillance-fights", "hockey-fights"]
    for name in names:
        import_pack(real_data / name, tmp_path / "data", "effnet-lite0-pca512")
    places = ["--data", str(tmp_path / "data"), "--results", str(tmp_path / "results")]
    assert run(["reproduce", "table4", "--datasets", ",".join(names), *places, *TINY]) == 0
    text = (tmp_path / "results" / "tables" / "surveillance-fights+hockey-fights-quick" / "table4.md").read_text()
    assert "—" not in text
    assert "SIMULATED" not in text
    assert "DEV-" not in text  # both packs have motion and objects


def test_features_of_another_kind_are_never_crossed(
    real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_pack(real_data / "shanghaitech-tracks", tmp_path / "data", "tracks-128")
    import_pack(real_data / "hockey-fights", tmp_path / "data", "effnet-lite0-pca512")
    places = ["--data", str(tmp_path / "data"), "--results", str(tmp_path / "results")]
    assert run(["reproduce", "table4", "--datasets", "shanghaitech-tracks,hockey-fights", *places, *TINY]) == 0
    printed = capsys.readouterr().out
    assert "different features: effnet-lite0-pca512 and tracks-128" in printed
    assert "Fallback DEV-OBJ-SOFT" in printed  # the tracks have motion, but no objects
    key = next(r.key for r in RunStore(tmp_path / "results" / "runs").records() if r.spec.dataset == "hockey-fights")
    assert run(["evaluate", key, "shanghaitech-tracks", *places]) == 2
    assert "they do not compare" in capsys.readouterr().err


def test_segmented_training_videos_and_a_test_video_of_thousands_of_snippets(
    real_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pack = real_data / "ucf-captions"
    import_pack(pack, tmp_path / "data", "uca-minilm-384", "--missing", str(pack / "missing.txt"))
    places = ["--data", str(tmp_path / "data"), "--results", str(tmp_path / "results")]
    assert run(["train", "clav", "ucf-captions", *places, *TINY, "--details"]) == 0
    printed = capsys.readouterr().out
    assert "ucf-captions lacks 46 annotated videos" in printed
    assert "Trained on stored segments in the place of snippets: ucf-captions (32 a video)." in printed
    assert "Fallback DEV-INT-DIFF" in printed
    assert "auc_class/Assault" in printed
