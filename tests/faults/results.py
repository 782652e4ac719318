"""What a results folder holds, read without the code that wrote it, and what it must not hold."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.executors.small_jobs import contents
from tests.faults.calls import call_here

KEY = "[0-9a-f]" * 16

Counts = list[tuple[int, int, int]]
"""Done, failed and missing runs, for each line of `wvad status`."""


def complete_runs(results: Path) -> dict[str, tuple[int, bytes]]:
    """The runs with a record: when it was written, and its content."""
    found = {}
    for path in (results / "runs").glob(f"{KEY}/record.json"):
        try:
            found[path.parent.name] = path.stat().st_mtime_ns, path.read_bytes()
        except FileNotFoundError:
            continue
    return found


def runs_under_way(results: Path) -> set[str]:
    """The runs that are claimed."""
    return {path.name for path in (results / "runs" / "claims").glob(KEY)}


def everything(results: Path) -> dict[str, object]:
    """Runs and tables, but for times and for how the call was worded."""
    found = contents(results / "runs")
    for path in [path for end in ("csv", "md") for path in sorted((results / "tables").glob(f"*/*.{end}"))]:
        lines = path.read_text(encoding="utf-8").splitlines()
        found[f"{path.parent.name}/{path.name}"] = [line for line in lines if not line.startswith("Made by")]
    return found


def leftovers(results: Path) -> list[str]:
    """What only a call at work may have: claims, signs of life, what is half-done, and failures of undone runs."""
    half_done = [p for name in ("claims", "drivers", "staging", "failed") for p in (results / "runs" / name).glob("*")]
    hidden = [path for path in results.rglob(".*") if path not in half_done]
    return [str(path.relative_to(results)) for path in (*half_done, *hidden)]


def half_done_evaluations(results: Path) -> list[str]:
    """The evaluations that have scores and no metrics yet."""
    paths = (results / "runs").glob(f"{KEY}/evaluations/[!.]*.npz")
    return sorted(path.stem for path in paths if not path.with_suffix(".json").exists())


def damaged_evaluations(results: Path) -> list[str]:
    """What `wvad store verify` finds: evaluations, or lines on what is worse."""
    said = call_here("store", "verify", "--results", str(results))
    lines = [line for line in said.out.splitlines() if line.startswith("run ")]
    assert said.code == bool(lines), said
    return sorted(line.split()[3].rstrip(":") if ", evaluation " in line else line for line in lines)


def said_counts(results: Path) -> Counts:
    """What `wvad status` counts."""
    said = call_here("status", "--results", str(results))
    assert said.code == 0, said.err
    rows = [[cell.strip() for cell in re.split("[│┃]", line)] for line in said.out.splitlines()]
    head = next((row for row in rows if "done" in row), [])
    counts = [dict(zip(head, row, strict=True)) for row in rows if len(row) == len(head) and row != head]
    return [(int(c["done"]), int(c.get("failed", 0)), int(c["missing"])) for c in counts if c["done"]]


def true_counts(results: Path) -> Counts:
    """The same, counted over the files: a run is done if all that belongs to it can be read and has its sum."""
    return [line for path in sorted(results.glob("tables/*/*.plan.json")) for line in _count(path, results / "runs")]


def _count(plan_path: Path, runs: Path) -> Iterator[tuple[int, int, int]]:
    plan = json.loads(plan_path.read_bytes())
    hashes = {dataset["name"]: dataset["test_hash"] for dataset in plan["datasets"]}
    for row in [*plan["rows"], plan["shuffled"]]:
        for dataset, keys in row["runs"].items() if row else ():
            everywhere = plan["protocol"] == "cross" and row is not plan["shuffled"]
            tests = hashes.values() if everywhere else [hashes[dataset]]
            done = [key for key in keys if _is_done(runs / key, hashes[dataset], tests)]
            failed = [k for k in keys if k not in done and _read(runs / "failed" / f"{k}.json") is not None]
            yield len(done), len(failed), len(keys) - len(done) - len(failed)


def _is_done(folder: Path, own: str, tests: Any) -> bool:
    record, sums = _read(folder / "record.json"), _read(folder / "checksums.json")
    if record is None or sums is None or not record["selected"] or not any("weights/" in n for n in sums["files"]):
        return False
    if any(_sum(folder / name) != expected for name, expected in sums["files"].items()):
        return False
    selections = {name for name in record["selected"] if name != "oracle" or record["oracle_test_hash"] == own}
    found = set()
    for path in (folder / "evaluations").glob("[!.]*.json"):
        evaluation = _read(path)
        if evaluation is not None and _sum(path.with_suffix(".npz")) == evaluation["scores"]["sha256"]:
            found.add((evaluation["selection"], evaluation["test_hash"]))
    return {(selection, test) for selection in selections for test in tests} <= found


def _read(path: Path) -> Any:
    """Return a JSON object, None if it is not there or not what its last field says."""
    try:
        content = path.read_bytes()
        found = json.loads(content)
    except (OSError, ValueError):
        return None
    sealed = re.fullmatch(rb'(.*),\n "sha256": "([0-9a-f]{64})"\n}\n', content, re.DOTALL)
    if sealed is None:
        return None if "sha256" in found else found
    return found if hashlib.sha256(sealed[1]).hexdigest().encode() == sealed[2] else None


def _sum(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
