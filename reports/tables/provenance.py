"""Where each number of a table comes from, as JSON: from stored records only."""

from __future__ import annotations

import json

from benchmark.runs.records import RunRecord
from benchmark.runs.store import RunStore
from benchmark.tables.cells import Cell, Table
from reports.tables.paths import shown_command, without_folders


def to_provenance(table: Table, store: RunStore) -> str:
    """Say for a table which runs and evaluations its cells are made of, and for the runs what they are and ran on."""
    plan = table.plan
    records = {key: record for key in plan.run_keys() if (record := store.record(key)) is not None}
    content = {
        "table": plan.table,
        "title": plan.title,
        "command": shown_command(plan.command),
        "profile": plan.profile,
        "selection": table.selection,
        "seeds": plan.seeds,
        "holdout": plan.holdout,
        "overrides": plan.overrides,
        "datasets": [dataset.model_dump() for dataset in plan.datasets],
        "cells": [_cell(cell, store) for cell in table.cells],
        "shuffled_labels": plan.shuffled.model_dump(exclude={"reference"}) if plan.shuffled else None,
        "runs": {key: _run(record) for key, record in records.items()},
        "environments": _environments(records),
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def _cell(cell: Cell, store: RunStore) -> dict[str, object]:
    runs: list[dict[str, object]] = []
    for seed, (run, key) in enumerate(zip(cell.run_keys, cell.evaluation_keys, strict=True)):
        evaluation = store.evaluation(run, key) if key else None
        found = {"step": evaluation.step, "value": evaluation.metrics[cell.metric]} if evaluation else {}
        failure = None if store.record(run) else store.failure(run)
        failed = {"status": failure.status, "reason": without_folders(failure.reason)} if failure else {}
        runs.append({"seed": seed, "run": run, "evaluation": key, **found, **failed})
    return {
        "row": cell.row,
        "method": cell.method,
        "add_ons": cell.add_ons,
        "settings": cell.settings,
        "trained_on": cell.train,
        "tested_on": cell.test,
        "metric": cell.metric,
        "runs": runs,
        "reason": without_folders(cell.reason),
    }


def _run(record: RunRecord) -> dict[str, object]:
    about = {"fallbacks": record.deviations, "notes": record.notes, "finished": record.finished}
    return {**record.spec.model_dump(mode="json"), **about}


def _environments(records: dict[str, RunRecord]) -> list[dict[str, object]]:
    """Return the distinct environments, each with its runs."""
    distinct = dict.fromkeys(record.environment for record in records.values())
    return [
        {**environment.model_dump(), "runs": [key for key, r in records.items() if r.environment == environment]}
        for environment in distinct
    ]
