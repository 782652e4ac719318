"""A store moved as one archive: the same at the other end, and nothing of a hostile one."""

import json
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.cli import run
from benchmark.runs.archive import CONTENTS, Contents, export_archive, import_archive
from benchmark.runs.records import AnnotatedEvents, Controls, StoredFile
from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore
from benchmark.system.errors import InputError
from benchmark.system.hashing import seal, unseal
from tests.small_store import contents, make_results, spec_of


def quietly(done: int, total: int) -> None:
    assert done <= total


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return make_results(tmp_path_factory.mktemp("here"), seeds=2)


@pytest.fixture(scope="module")
def archive(here: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "store.zip"
    assert export_archive(here, path, (), True, quietly) == (4, 0, 8, 1)
    return path


def entries(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as found:
        return {name: found.read(name) for name in found.namelist()}


def rewrite(path: Path, files: dict[str, bytes], **form: int) -> Path:
    """Write an archive whose contents agree with its files, as somebody would who means harm."""
    files = {name: content for name, content in files.items() if name != CONTENTS}
    listed = Contents(archive_version=1, files={name: StoredFile.of(content) for name, content in files.items()})
    with zipfile.ZipFile(path, "w") as made:
        for name, content in {**files, CONTENTS: seal(listed.model_dump_json().encode())}.items():
            entry = zipfile.ZipInfo(name)
            for attribute, value in form.items():
                setattr(entry, attribute, value)
            made.writestr(entry, content)
    return path


def test_a_store_is_the_same_at_the_other_end(here: Results, archive: Path, tmp_path: Path) -> None:
    there = Results(tmp_path)
    assert import_archive(there, archive, quietly) == (4, 0, 8, 1)
    assert contents(there.root) == contents(here.root)
    for command in ("status", "render"):
        assert run([command, "table1", "--results", str(there.root)]) == 0
    assert import_archive(there, archive, quietly) == (0, 4, 0, 0)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kept=st.sets(st.integers(0, 3)), evaluated=st.sets(st.integers(0, 7)))
def test_whatever_is_there_already_the_store_ends_up_whole(
    kept: set[int], evaluated: set[int], here: Results, archive: Path, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "there", ignore_errors=True)
    there = Results(tmp_path / "there")
    import_archive(there, archive, quietly)
    store = RunStore(there.runs)
    all_of_them = [(key, one.key) for key in store.keys() for one in store.evaluations(key)]  # noqa: SIM118
    for number, (key, evaluation) in enumerate(all_of_them):
        if number not in evaluated:
            for end in ("json", "npz"):
                (store.folder(key) / "evaluations" / f"{evaluation}.{end}").unlink()
    for number, key in enumerate(store.keys()):
        if number not in kept:
            shutil.rmtree(store.folder(key))
    moved = import_archive(there, archive, quietly)
    assert (moved.runs, moved.kept) == (4 - len(kept), len(kept))
    assert contents(there.root) == contents(here.root)


def test_equal_stores_give_equal_archives(here: Results, archive: Path, tmp_path: Path) -> None:
    export_archive(here, tmp_path / "again.zip", (), True, quietly)
    assert (tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_named_tables_bring_their_runs_alone(here: Results, tmp_path: Path) -> None:
    results = Results(tmp_path / "here")
    shutil.copytree(here.root, results.root)
    (plan,) = results.plans(None)
    results.write_invocation(plan.model_copy(update={"table": "small", "rows": plan.rows[:1]}))
    assert export_archive(results, tmp_path / "a.zip", ["small"], True, quietly) == (2, 0, 4, 1)
    import_archive(Results(tmp_path / "there"), tmp_path / "a.zip", quietly)
    assert RunStore(tmp_path / "there" / "runs").keys() == sorted(spec_of("rtfm", seed).key for seed in range(2))
    assert [call.plan.table for call in Results(tmp_path / "there").invocations()] == ["small"]
    with pytest.raises(InputError, match="no table9 planned there"):
        export_archive(results, tmp_path / "a.zip", ["table9"], True, quietly)


def test_without_weights_runs_are_sound_and_say_so(
    here: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = Results(tmp_path / "here")
    shutil.copytree(here.root, results.root)
    key = spec_of("clav", 0).key
    store = RunStore(results.runs)
    packed = contents(store.folder(key))
    with store.stage(spec_of("clav", 0), replace=True) as folder:
        for name, content in {**packed, "weights/40.safetensors": b"8 weights"}.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
    export_archive(results, tmp_path / "a.zip", (), False, quietly)
    there = Results(tmp_path / "there")
    import_archive(there, tmp_path / "a.zip", quietly)
    assert contents(there.runs / key).keys() == packed.keys()
    assert run(["store", "verify", "--results", str(there.root)]) == 0
    assert "4 runs have no weights" in capsys.readouterr().out
    assert run(["store", "verify", "--results", str(results.root)]) == 0
    assert "3 runs have no weights" in capsys.readouterr().out


def test_a_damaged_run_is_not_exported(here: Results, tmp_path: Path) -> None:
    results = Results(tmp_path / "here")
    shutil.copytree(here.root, results.root)
    (results.runs / spec_of("clav", 0).key / "record.json").write_bytes(b"{")
    with pytest.raises(InputError, match="record is missing or damaged; `wvad store verify`"):
        export_archive(results, tmp_path / "a.zip", (), True, quietly)
    assert not (tmp_path / "a.zip").exists()


def test_no_damage_is_exported_wherever_it_is(here: Results, tmp_path: Path) -> None:
    key = spec_of("clav", 0).key
    for name in sorted(contents(here.runs / key)):
        results = Results(tmp_path / name.replace("/", "-"))
        shutil.copytree(here.root, results.root)
        content = bytearray((results.runs / key / name).read_bytes())
        content[len(content) // 2] ^= 1
        (results.runs / key / name).write_bytes(content)
        with pytest.raises(InputError, match=f"run {key}: "):
            export_archive(results, tmp_path / "a.zip", (), True, quietly)
        assert not (tmp_path / "a.zip").exists()


def test_what_is_copied_is_not_read_again_for_its_sum(
    here: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("hashlib.file_digest")
    export_archive(here, tmp_path / "a.zip", (), True, quietly)
    assert import_archive(Results(tmp_path / "there"), tmp_path / "a.zip", quietly) == (4, 0, 8, 1)


def test_damaged_controls_stay_behind(here: Results, tmp_path: Path) -> None:
    results, there = Results(tmp_path / "here"), Results(tmp_path / "there")
    shutil.copytree(here.root, results.root)
    sound = Controls(test_hash="a test part", metric="auc_frame", values={"chance": 0.5})
    for controls in (sound, sound.model_copy(update={"test_hash": "another"})):
        RunStore(results.runs).write_controls(controls)
    (results.runs / "controls" / "another.json").write_bytes(b"{")
    export_archive(results, tmp_path / "a.zip", (), True, quietly)
    import_archive(there, tmp_path / "a.zip", quietly)
    assert [path.name for path in (there.runs / "controls").iterdir()] == ["a test part.json"]
    assert RunStore(there.runs).controls("a test part") == sound


def test_events_of_test_sets_go_along_and_damaged_ones_stay_behind(here: Results, tmp_path: Path) -> None:
    results, there = Results(tmp_path / "here"), Results(tmp_path / "there")
    shutil.copytree(here.root, results.root)
    sound = AnnotatedEvents(test_hash="a test part", fps=25, assumed=False, intervals={"v": ((0, 9), (20, 31))})
    RunStore(results.runs).write_events(sound)
    (results.runs / "events" / "another.json").write_bytes(b"{")
    export_archive(results, tmp_path / "a.zip", (), True, quietly)
    import_archive(there, tmp_path / "a.zip", quietly)
    assert RunStore(there.runs).events("a test part") == sound
    assert not (there.runs / "events" / "another.json").exists()


@pytest.mark.parametrize("interval", [(9, 3), (5, 5), (-4, 8)])
def test_events_without_frames_are_refused(interval: tuple[int, int], here: Results, tmp_path: Path) -> None:
    results = Results(tmp_path / "here")
    shutil.copytree(here.root, results.root)
    sound = AnnotatedEvents(test_hash="a test part", fps=25, assumed=False, intervals={"v": ((20, 31),)})
    RunStore(results.runs).write_events(sound)
    export_archive(results, tmp_path / "a.zip", (), True, quietly)
    made_up = sound.model_copy(update={"intervals": {"v": (interval,)}})
    files = entries(tmp_path / "a.zip") | {"runs/events/a test part.json": seal(made_up.model_dump_json().encode())}
    with pytest.raises(InputError, match=r"runs/events/a test part\.json is damaged"):
        import_archive(Results(tmp_path / "there"), rewrite(tmp_path / "b.zip", files), quietly)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "runs/../evil", "tables/../evil.plan.json", "evil.py"])
def test_a_path_out_of_the_store_is_refused(name: str, archive: Path, tmp_path: Path) -> None:
    hostile = rewrite(tmp_path / "a.zip", {**entries(archive), name: b"{}"})
    with pytest.raises(InputError, match="does not belong into a run store"):
        import_archive(Results(tmp_path / "there"), hostile, quietly)
    assert not (tmp_path / "there").exists()


def with_links(files: dict[str, bytes], path: Path) -> None:
    rewrite(path, files, external_attr=(stat.S_IFLNK | 0o777) << 16)


def compressed(files: dict[str, bytes], path: Path) -> None:
    rewrite(path, files, compress_type=zipfile.ZIP_DEFLATED)


def with_another_file(files: dict[str, bytes], path: Path) -> None:
    rewrite(path, files)
    with zipfile.ZipFile(path, "a") as made:
        made.writestr("surplus", b"")


def with_a_file_twice(files: dict[str, bytes], path: Path) -> None:
    rewrite(path, files)
    with zipfile.ZipFile(path, "a") as made, pytest.warns(UserWarning, match="Duplicate"):
        made.writestr(next(iter(files)), b"other")


def with_a_changed_file(files: dict[str, bytes], path: Path) -> None:
    name = next(name for name in files if name.endswith(".npz"))
    with zipfile.ZipFile(path, "w") as made:
        for other, content in files.items():
            made.writestr(zipfile.ZipInfo(other), bytes(len(content)) if other == name else content)


def with_a_size_that_lies(files: dict[str, bytes], path: Path) -> None:
    rewrite(path, files)
    content = bytearray(path.read_bytes())
    first = content.rindex(b"PK\x01\x02")
    content[first + 24 : first + 28] = struct.pack("<I", 0x7FFFFFFF)
    path.write_bytes(content)


def without_contents(files: dict[str, bytes], path: Path) -> None:
    with zipfile.ZipFile(path, "w") as made:
        for name in files.keys() - {CONTENTS}:
            made.writestr(name, files[name])


def of_another_version(files: dict[str, bytes], path: Path) -> None:
    listed = Contents.model_validate_json(unseal(files[CONTENTS])).model_copy(update={"archive_version": 2})
    with zipfile.ZipFile(path, "w") as made:
        for name, content in {**files, CONTENTS: seal(listed.model_dump_json().encode())}.items():
            made.writestr(name, content)


def with_a_run_under_another_key(files: dict[str, bytes], path: Path) -> None:
    key = spec_of("clav", 0).key
    rewrite(path, {name.replace(key, "0" * 16): content for name, content in files.items()})


def with_better_metrics(files: dict[str, bytes], path: Path) -> None:
    """Metrics that are not those of the scores, with every sum right."""
    name = next(name for name in files if "/evaluations/" in name and name.endswith(".json"))
    changed = unseal(files[name]).replace(b'"auc_frame": 0.', b'"auc_frame": 0.9')
    rewrite(path, {**files, name: seal(changed)})


def with_a_made_up_metric(files: dict[str, bytes], path: Path) -> None:
    """A metric that no scores give, with every sum right."""
    name = next(name for name in files if "/evaluations/" in name and name.endswith(".json"))
    changed = unseal(files[name]).replace(b'"metrics":{', b'"metrics":{"auc_class/Nobody":0.9,')
    changed = changed.replace(b'"metrics": {', b'"metrics": {"auc_class/Nobody": 0.9,')
    assert b"Nobody" in changed
    rewrite(path, {**files, name: seal(changed)})


def with_another_size_of_scores(files: dict[str, bytes], path: Path) -> None:
    name = next(name for name in files if "/evaluations/" in name and name.endswith(".json"))
    content = json.loads(unseal(files[name]))
    content["scores"]["size"] += 1
    rewrite(path, {**files, name: seal(json.dumps(content).encode())})


def with_records_of_a_later_version(files: dict[str, bytes], path: Path) -> None:
    name = next(name for name in files if "/evaluations/" in name and name.endswith(".json"))
    content = {**json.loads(unseal(files[name])), "record_version": 2}
    rewrite(path, {**files, name: seal(json.dumps(content).encode())})


def without_scores(files: dict[str, bytes], path: Path) -> None:
    """An evaluation that states no scores and has none, with every sum right."""
    name = next(name for name in files if "/evaluations/" in name and name.endswith(".json"))
    content = {**json.loads(unseal(files[name])), "scores": None}
    rest = {other: text for other, text in files.items() if other != name.replace(".json", ".npz")}
    rewrite(path, {**rest, name: seal(json.dumps(content).encode())})


def with_other_losses(files: dict[str, bytes], path: Path) -> None:
    """Losses that are not those of the run's own sums, while the archive's are right."""
    name = next(name for name in files if name.endswith("losses.csv"))
    rewrite(path, {**files, name: files[name].replace(b"1", b"2")})


def with_a_plan_of_another_name(files: dict[str, bytes], path: Path) -> None:
    rewrite(path, {name.replace("table1.plan", "table2.plan"): content for name, content in files.items()})


def with_a_call_of_a_table_out_of_the_store(files: dict[str, bytes], path: Path) -> None:
    name = next(name for name in files if name.startswith("invocations/"))
    rewrite(path, {**files, name: files[name].replace(b'"table1"', b'"../../x"')})


HOSTILE: list[tuple[Callable[[dict[str, bytes], Path], None], str]] = [
    (with_links, "compressed, locked or a link"),
    (compressed, "compressed, locked or a link"),
    (with_another_file, "does not hold what its contents.json says"),
    (with_a_file_twice, "its files overlap or are larger than all of it"),
    (with_a_changed_file, "has another sum"),
    (with_a_size_that_lies, "its files overlap or are larger than all of it"),
    (without_contents, "has no contents.json"),
    (of_another_version, "bring wvad-bench up to date"),
    (with_a_run_under_another_key, "run 0{16}: its key is not that of its specification"),
    (with_other_losses, "losses.csv is damaged"),
    (without_scores, "unverified: it has no scores"),
    (with_better_metrics, "its metrics are not those of its scores"),
    (with_a_made_up_metric, "its metrics are not those of its scores"),
    (with_another_size_of_scores, "its scores are damaged"),
    (with_records_of_a_later_version, "its metrics are missing or damaged"),
    (with_a_call_of_a_table_out_of_the_store, "invocations/.*json is damaged"),
    (with_a_plan_of_another_name, "table2.plan.json is damaged"),
]


@pytest.mark.parametrize(("make", "reason"), [pytest.param(*one, id=one[0].__name__) for one in HOSTILE])
def test_a_hostile_archive_is_refused_whole(
    make: Callable[[dict[str, bytes], Path], None], reason: str, archive: Path, tmp_path: Path
) -> None:
    make(entries(archive), tmp_path / "a.zip")
    with pytest.raises(InputError, match=reason):
        import_archive(Results(tmp_path / "there"), tmp_path / "a.zip", quietly)
    assert not (tmp_path / "there").exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_an_archive_that_was_cut_off_is_refused(share: float, archive: Path, tmp_path: Path) -> None:
    content = archive.read_bytes()
    (tmp_path / "a.zip").write_bytes(content[: int(share * len(content))])
    assert run(["store", "import", str(tmp_path / "a.zip"), "--results", str(tmp_path / "there")]) == 2
    assert contents(tmp_path / "there") == {}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), byte=st.integers(1, 255))
def test_a_changed_byte_anywhere_is_refused_or_changes_nothing(
    place: float, byte: int, here: Results, archive: Path, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "there", ignore_errors=True)
    content = bytearray(archive.read_bytes())
    content[int(place * len(content))] ^= byte
    (tmp_path / "a.zip").write_bytes(content)
    try:
        import_archive(Results(tmp_path / "there"), tmp_path / "a.zip", quietly)
    except InputError:
        assert contents(tmp_path / "there") == {}
    else:  # a byte such as that of a time, which says nothing
        assert contents(tmp_path / "there") == contents(here.root)


def test_an_import_that_dies_half_way_leaves_nothing(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(scratch: Path, *rest: object) -> None:
        assert contents(tmp_path / "runs" / "staging")
        raise KeyboardInterrupt

    monkeypatch.setattr("benchmark.runs.archive.check_part", die)
    with pytest.raises(KeyboardInterrupt):
        import_archive(Results(tmp_path), archive, quietly)
    assert contents(tmp_path) == {}


def test_a_full_or_locked_place_is_said_in_one_line(here: Results, archive: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"):
        export_archive(here, tmp_path / "file" / "a.zip", (), True, quietly)
    with pytest.raises(InputError, match=r"cannot be written .*--results"):
        import_archive(Results(tmp_path / "file"), archive, quietly)
    with pytest.raises(InputError, match="there is no such file"):
        import_archive(Results(tmp_path), tmp_path / "none.zip", quietly)
