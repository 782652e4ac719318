"""The command line as a user sees it: exit codes, what is printed and what is left on disk."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.cli import run
from benchmark.datasets.dataset import Dataset
from benchmark.importing.ground_truth.truth import labels_of
from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore

TINY = ["--profile", "quick", "--seeds", "2", "--set", "steps=3", "--looks", "2", "--tracking", "none"]
PLUGIN = f"{Path(__file__).parents[1] / 'plugins' / 'mean_mil.py'}"


@pytest.fixture(scope="module")
def table4(tiny_scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of Table 4 on tiny scenes."""
    results = tmp_path_factory.mktemp("results")
    assert run(["reproduce", "table4", "--data", str(tiny_scenes), "--results", str(results), *TINY]) == 0
    return results


def listed(results: Path) -> dict[Path, float]:
    return {path: path.stat().st_mtime_ns for path in sorted(results.rglob("*")) if path.is_file()}


def test_table4_leaves_its_files_and_every_run(table4: Path) -> None:
    folder = table4 / "tables" / "scenes-quick"
    assert sorted(path.name for path in folder.iterdir()) == [
        f"table4.{end}" for end in ("csv", "html", "md", "plan.json", "provenance.json", "tex")
    ]
    frame = pd.read_csv(folder / "table4.csv")
    cells = frame[~frame["metric"].str.startswith("relative_drop/")].query("selection == 'last'")
    assert len(cells) == 18
    assert cells["n_seeds"].eq(2).all()
    assert cells["mean"].between(0, 1).all()
    assert set(cells.loc[cells["eval_dataset"] == "scenes-xd-violence", "metric"]) == {"ap_frame"}
    assert set(frame["selection"]) == {"last", "oracle"}
    records = list(RunStore(table4 / "runs").records())
    assert len(records) == 12 + 6
    assert {(r.spec.method, r.spec.shuffled_labels) for r in records} == {
        ("rtfm", False),
        ("clav", False),
        ("rtfm", True),
    }
    assert "SIMULATED" in (folder / "table4.md").read_text()


def test_a_run_folder_is_complete(table4: Path) -> None:
    store = RunStore(table4 / "runs")
    for record in store.records():
        folder = store.folder(record.key)
        assert json.loads((folder / "spec.json").read_text())["seed"] == record.spec.seed
        assert {int(path.stem) for path in (folder / "weights").iterdir()} == set(record.selected.values())
        assert len((folder / "losses.csv").read_text().splitlines()) == 4
        assert len(list(store.evaluations(record.key))) == (2 if record.spec.shuffled_labels else 6)


def test_a_second_call_trains_nothing_and_gives_the_same_table(table4: Path, tiny_scenes: Path) -> None:
    runs, table = listed(table4 / "runs"), (table4 / "tables" / "scenes-quick" / "table4.csv").read_bytes()
    assert run(["reproduce", "table4", "--data", str(tiny_scenes), "--results", str(table4), *TINY]) == 0
    assert listed(table4 / "runs") == runs
    assert (table4 / "tables" / "scenes-quick" / "table4.csv").read_bytes() == table


def test_render_needs_no_dataset_and_shows_another_selection(table4: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = listed(table4 / "runs")
    before = (table4 / "tables" / "scenes-quick" / "table4.md").read_text()
    assert run(["render", "table4", "--results", str(table4), "--selection", "oracle"]) == 0
    assert "Selection: ORACLE" in capsys.readouterr().out
    assert run(["render", "all", "--results", str(table4)]) == 0
    assert (table4 / "tables" / "scenes-quick" / "table4.md").read_text() == before
    assert listed(table4 / "runs") == runs


def test_a_missing_run_is_an_empty_cell_and_only_it_is_trained_again(
    table4: Path, tiny_scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = RunStore(table4 / "runs")
    victim = next(r for r in store.records() if r.spec.method == "rtfm" and r.spec.seed == 1)
    (store.folder(victim.key) / "record.json").write_text("{")  # torn
    assert run(["render", "table4", "--results", str(table4)]) == 0
    assert f"run {victim.key} has not been trained" in capsys.readouterr().out
    before = {key: (store.folder(key) / "record.json").stat().st_mtime_ns for key in store.keys()}  # noqa: SIM118
    assert run(["reproduce", "table4", "--data", str(tiny_scenes), "--results", str(table4), *TINY]) == 0
    after = {key: (store.folder(key) / "record.json").stat().st_mtime_ns for key in store.keys()}  # noqa: SIM118
    assert {key for key in after if after[key] != before[key]} == {victim.key}


def test_a_run_that_takes_too_long_is_told_wherever_runs_are_told(
    tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = ["train", f"{PLUGIN}:MeanMIL", "scenes-avenue", *TINY, "--set", "spoil=linger", "--set", "steps=200"]
    places = ["--data", str(tiny_scenes), "--results", str(tmp_path)]
    assert run([*slow, *places, "--seeds", "1", "--executor", "serial", "--timeout", "0.5s"]) == 1
    line = "timeout: Mean MIL on scenes-avenue, seed 0: took longer than 0.5 s (--timeout)"
    streams = capsys.readouterr()
    assert line in streams.err
    assert line.replace("Mean MIL on scenes-avenue, seed 0: ", "") in streams.out
    assert run(["status", "--results", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == line
    assert "failed" not in said


def test_status_and_evaluate_work_on_stored_runs(
    table4: Path, tiny_scenes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["status", "table4", "--results", str(table4)]) == 0
    key = RunStore(table4 / "runs").keys()[0]
    places = ["--data", str(tiny_scenes), "--results", str(table4)]
    assert run(["evaluate", key[:10], "scenes-avenue", *places]) == 0
    printed = capsys.readouterr().out
    assert "auc_frame" in printed
    assert "scenes-avenue" in printed


def test_a_users_own_file_is_trained(tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = ["--data", str(tiny_scenes), "--results", str(tmp_path)]
    assert run(["train", f"{PLUGIN}:MeanMIL", "scenes-avenue", *places, *TINY, "--holdout", "0.3"]) == 0
    brief = capsys.readouterr().out
    assert brief.count("┏") == 1  # one table
    assert brief.splitlines()[0] == brief.splitlines()[-1]  # the verdict, first and last
    assert run(["train", f"{PLUGIN}:MeanMIL", "scenes-avenue", *places, *TINY, "--holdout", "0.3", "--details"]) == 0
    full = capsys.readouterr().out
    assert "validation" in full
    assert "auc_abnormal" in full
    assert "auc_abnormal" not in brief
    (folder,) = (tmp_path / "tables").iterdir()
    assert (folder / "train-mean_mil.py-MeanMIL.csv").is_file()


def test_some_failed_runs_are_exit_code_1_and_the_rest_goes_on(
    tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--data", str(tiny_scenes), "--results", str(tmp_path)]
    assert run(["train", f"{PLUGIN}:MeanMIL", "scenes-avenue", *places, *TINY, "--set", "spoil=nan"]) == 1
    streams = capsys.readouterr()
    assert "failed: Mean MIL on scenes-avenue, seed 0: MethodError: loss became nan at step 2" in streams.err
    assert "—" in streams.out
    assert len(list(RunStore(tmp_path / "runs").failures())) == 2


def test_datasets_with_one_training_part_share_their_runs(tiny_scenes: Path, tmp_path: Path) -> None:
    manifest = json.loads((tiny_scenes / "scenes-avenue" / "manifest.json").read_text())
    for name, metric in (("one", "auc_frame"), ("two", "ap_frame")):
        (tmp_path / "data" / name).mkdir(parents=True)
        for array in ("features.npy", "motion.npy", "objects.npy"):
            (tmp_path / "data" / name / array).symlink_to(tiny_scenes / "scenes-avenue" / array)
        changed = {**manifest, "name": name, "metric": metric}
        (tmp_path / "data" / name / "manifest.json").write_text(json.dumps(changed))
    places = ["--data", str(tmp_path / "data"), "--results", str(tmp_path / "results [b]")]
    assert run(["reproduce", "table4", "--datasets", "one, two", *places, *TINY]) == 0
    assert len(RunStore(tmp_path / "results [b]" / "runs").keys()) == 4 + 2
    frame = pd.read_csv(tmp_path / "results [b]" / "tables" / "one+two-quick" / "table4.csv")
    assert set(frame["metric"]) >= {"auc_frame", "ap_frame"}
    assert frame.query("selection == 'last'")["mean"].notna().all()


def test_cached_only_trains_nothing(tiny_scenes: Path, tmp_path: Path) -> None:
    places = ["--data", str(tiny_scenes), "--results", str(tmp_path)]
    assert run(["reproduce", "table4", *places, *TINY, "--cached", "only"]) == 0
    assert RunStore(tmp_path / "runs").keys() == []
    assert "—" in (tmp_path / "tables" / "scenes-quick" / "table4.md").read_text()


ABSENT = ["--weights", "absent.pt", "--method", "mmil"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["train", "nothing", "scenes-avenue"],
            "unknown method nothing; known: amil, binary-svm, bn-svp, bn-wvad",
        ),
        (["train", "mmil+nothing", "scenes-avenue"], "unknown add-on nothing; known: conv, conv-wide, ica"),
        (["train", "mmil+ica+ica", "scenes-avenue"], "two add-ons are called ica"),
        (["train", "mmil@nothing", "scenes-avenue"], "has no preset nothing; it has official-code, paired-adam, paper"),
        (["train", "clav+ica", "scenes-avenue"], "write clav with --set clav.activation=ica"),
        (["train", "mmil+ica", "scenes-avenue", "--set", "kernel=2"], "add-on ica: kernel: "),
        (
            ["train", "mmil+ica+conv", "scenes-avenue", "--set", "kernel=1"],
            "write ica.kernel or conv.kernel",
        ),
        (["methods", "nothing"], "unknown method nothing"),
        (["methods", "--benchmark", "avenue"], "--benchmark, --profile and --dim are for one method: name it"),
        (["methods", "--profile", "paper"], "--benchmark, --profile and --dim are for one method: name it"),
        (["methods", "--dim", "2048"], "--benchmark, --profile and --dim are for one method: name it"),
        (["methods", "rtfm@nothing"], "has no preset nothing; it has official-code, paper"),
        (["methods", "clav+conv"], "write clav with --set clav.activation=conv"),
        (["train", "mmil", "nowhere"], "nowhere"),
        (["reproduce", "table9"], "unknown table table9; known: cost, table1"),
        (["reproduce", "table4", "--set", "learning_rat=1"], "--set learning_rat=1: none of these methods"),
        (["reproduce", "table4", "--set", "steps=soon"], "steps"),
        (["reproduce", "table4", "--datasets", "scenes-avenue,scenes-avenue"], "named twice"),
        (["reproduce", "table4", "--profile", "fast"], "--profile"),
        (["reproduce", "table4", "--seeds", "0"], "--seeds"),
        (["train", f"{PLUGIN}:NeedsMotion", "still"], "needs motion, and dataset still has none"),
        (["evaluate", "ffff", "scenes-avenue"], "no run with a key that begins with ffff"),
        (["evaluate", "scenes-avenue"], "name a run and a dataset, or --weights FILE --method NAME and a dataset"),
        (["evaluate", "ffff", "scenes-avenue", "x"], "name a run and a dataset"),
        (
            ["evaluate", "ffff", "scenes-avenue", "--method", "mmil"],
            "--benchmark and --set are for --weights",
        ),
        (
            ["evaluate", "ffff", "scenes-avenue", "--set", "alpha=1"],
            "--benchmark and --set are for --weights",
        ),
        (["train", "clav", "scenes-avenue", "--set", "motion=bananas"], "cannot use motion=bananas"),
        (["train", "clav", "scenes-avenue", "--set", "relation=none", "--set", "motion=bananas"], "motion=bananas"),
        (["evaluate", "scenes-avenue", "--weights", "absent.pt"], "name its --method and one dataset"),
        (["evaluate", "ffff", "scenes-avenue", *ABSENT], "name its --method and one dataset, and no run"),
        (["evaluate", *ABSENT], "DATASET"),
        (["evaluate", "nowhere", *ABSENT], "nowhere"),
        (["evaluate", "scenes-avenue", *ABSENT], "absent.pt: there is no such file"),
        (["evaluate", "scenes-avenue", *ABSENT, "--set", "wide=1"], "--set wide=1: none of these methods"),
        (["evaluate", "scenes-avenue", "--weights", "absent.pt", "--method", "mmil+nothing"], "unknown add-on"),
        (["render", "table4"], "no table4 planned there"),
        (["data", "check", "nowhere"], "nowhere"),
        (["data", "check", "scenes-avenue", "--against", "absent.npy"], "absent.npy: no such file"),
        (["data", "check", "scenes-avenue", "--order", "a.list"], "name the array with --against"),
        (["data", "import", "x", "--features", "absent", "--annotations", "absent"], "absent"),
        (["nonsense"], "nonsense"),
        (["status", "table4"], "no table4 planned there"),
        (["render", "**"], "no ** planned there"),
        (["reproduce", "table4", "--datasets", ""], "--datasets: an empty argument"),
        (["train", "mmil", "renamed"], "its manifest calls it scenes-avenue"),
        (["train", "mmil", "scenes-avenue", "--set", "learning_rate=.inf"], "learning_rate"),
        (["train", "mmil", "scenes-avenue", "--timeout", "soon"], "'--timeout': soon: write seconds above 0"),
        (["train", "mmil", "scenes-avenue", "--memory", "0"], "'--memory': 0: write bytes"),
        (["train", "mmil", "scenes-avenue", "--gpus-per-run", "1.5"], "'--gpus-per-run': 1.5: write a share"),
        (["train", "mmil", "scenes-avenue", "--address", "auto"], "--address auto: only --executor ray and"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    arguments: list[str], message: str, tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for scene in tiny_scenes.iterdir():
        (data / scene.name).symlink_to(scene)
    still(tiny_scenes / "scenes-avenue", data / "still")
    (data / "renamed").symlink_to(tiny_scenes / "scenes-avenue")
    places = {"data": ["--data", str(data)], "render": ["--results", str(tmp_path / "results")]}
    places |= {"status": places["render"], "methods": [], "nonsense": []}
    both = [*places["data"], *places["render"]]
    assert run([*arguments, *places.get(arguments[0], both)]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("wvad: ")
    assert message in error
    assert not Results(tmp_path / "results").runs.exists()


def still(scene: Path, folder: Path) -> None:
    """Copy a scene without its motion."""
    folder.mkdir()
    manifest = json.loads((scene / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "name": "still", "motion": False}))
    for name in ("features.npy", "objects.npy"):
        (folder / name).symlink_to(scene / name)


def test_an_unwritable_results_folder_is_refused_before_training(
    tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    places = ["--data", str(tiny_scenes), "--results", str(tmp_path / "file")]
    assert run(["reproduce", "table4", *places, *TINY]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_doctor_says_what_is_here_and_what_to_do(
    tiny_scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("benchmark.system.libraries.installed_version", lambda name: None if name == "ray" else "1.0")
    assert run(["doctor", "--data", str(tiny_scenes), "--results", str(tmp_path / "results")]) == 0
    text = capsys.readouterr().out
    rows = {line.split("│")[1].strip(): line for line in text.splitlines() if line.startswith("│")}
    assert {"Python", "torch", "cores", "memory", "disk", "GPU", "data root", "executors", "MLflow"} <= set(rows)
    assert "scenes-avenue" in rows["datasets"]
    assert "without ray" in rows["extra ray"]
    assert "pip install 'wvad-bench[ray]'" in rows["extra ray"]
    assert "installed" in rows["extra hdf5"]
    assert not (tmp_path / "results").exists()  # looking changes nothing
    assert run(["doctor", "--data", str(tmp_path / "nowhere")]) == 0
    text = capsys.readouterr().out
    assert "which is not there yet" in text
    assert "wvad data import brings yours" in text


def test_ground_truth_from_elsewhere_is_compared(
    tiny_scenes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    videos = Dataset(tiny_scenes / "scenes-avenue").manifest.split("test")
    labels = [labels_of(video.intervals, video.frames or 0) for video in videos]
    changed = next(i for i, video in enumerate(videos) if video.label)
    labels[changed][videos[changed].intervals[0][0]] = False
    np.save(tmp_path / "gt.npy", np.concatenate(labels))
    (tmp_path / "mine.list").write_text("\n".join(video.name for video in videos))
    places = ["--data", str(tiny_scenes), "--order", str(tmp_path / "mine.list")]
    assert run(["data", "check", "scenes-avenue", "--against", str(tmp_path / "gt.npy"), *places]) == 0
    text = capsys.readouterr().out
    assert f"equal: {len(videos) - 1} of {len(videos)} videos" in text
    assert "different: 1 video, 1 frames" in text
    assert videos[changed].name in text
