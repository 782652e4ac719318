"""What is sent to others says nothing of the machine and the person that made it."""

import getpass
import socket
from pathlib import Path

from benchmark.cli import run
from benchmark.runs.records import Failure
from tests.small_store import make_results, spec_of


def test_tables_reports_and_figures_name_no_folder_user_or_host(tmp_path: Path) -> None:
    results = make_results(tmp_path / "home-of-alice" / "results")
    (plan,) = results.plans(None)
    command = f"wvad train {tmp_path}/home-of-alice/mine.py:Mine cameras --data '{tmp_path}/home-of-alice/my data'"
    rows = tuple(row.model_copy(update={"reference": f"{tmp_path}/home-of-alice/x.py:X"}) for row in plan.rows)
    results.write_invocation(plan.model_copy(update={"command": command, "rows": rows}))
    key = plan.rows[0].runs["cameras"][0]
    (results.root / "runs" / key / "record.json").unlink()
    reason = f"RuntimeError: {tmp_path}/home-of-alice/weights/3: missing"
    results.store.write_failure(
        Failure(key=key, spec=spec_of("rtfm", 0), reason=reason, traceback="", failed="2026-01-01T00:00:00+00:00")
    )
    assert run(["render", "all", "--results", str(results.root)]) == 0
    assert run(["report", "--results", str(results.root), "--data", str(tmp_path / "home-of-alice/data"), "--format",
                "pdf,png,svg", "--tracking", "none"]) == 0  # fmt: skip
    written = [p for name in ("tables", "reports") for p in (results.root / name).rglob("*.*") if p.is_file()]
    shown = {path.name: path.read_bytes() for path in written if not path.name.endswith(".plan.json")}
    assert {"table1.tex", "table1.html", "report.html", "training.pdf", "training.png"} <= set(shown)
    assert "…/mine.py:Mine" in shown["table1.md"].decode()
    assert "…/3: missing" in shown["table1.md"].decode()
    personal = [str(tmp_path), "home-of-alice", f"/{getpass.getuser()}/", f"@{socket.gethostname()}"]
    for name, content in shown.items():
        assert not any(word.encode() in content for word in personal), name


def test_an_anonymous_report_leaves_out_the_machines_too(tmp_path: Path) -> None:
    results = make_results(tmp_path / "results")
    page, call = results.reports / "report.html", ["report", "--results", str(results.root), "--tracking", "none"]
    device = next(iter(results.store.records())).environment.machine
    assert run(call) == 0
    assert device in page.read_text()
    assert run([*call, "--anonymous"]) == 0
    assert device not in page.read_text()
