"""Finding a stored run by the first digits of its key, or by its method."""

from __future__ import annotations

from benchmark.runs.records import RunRecord
from benchmark.runs.store import RunStore
from benchmark.system.errors import InputError
from benchmark.system.near_names import alike

MOST_LISTED = 4


def find_run(store: RunStore, prefix: str) -> RunRecord:
    """Return the run whose key begins with some digits.

    Raises
    ------
    InputError
        If there is none or several, or it has no weights that could score anything.
    """
    keys = list(filter(lambda key: key.startswith(prefix), store.keys()))
    if len(keys) != 1:
        how = "several runs" if keys else "no run"
        raise InputError(f"{store.root}: {how} with a key that begins with {prefix}; `wvad status TABLE` lists keys")
    record = store.record(keys[0])
    if record is None:
        raise InputError(f"{store.folder(keys[0])}: its record is damaged; train the run again")
    if record.spec.trial:
        raise InputError(f"run {record.key} is a trial of a search: it keeps no weights that could be tested")
    if record.spec.key != record.key:
        raise InputError(f"run {record.key} was stored under other rules for keys; train it again")
    return record


def find_run_of_method(store: RunStore, method: str) -> RunRecord:
    """Return the run of a method, by its name or title: of several seeds the first.

    Raises
    ------
    InputError
        If none is stored, or runs of it differ in more than their seeds.
    """
    found: dict[str, RunRecord] = {}
    for record in sorted(store.records(), key=lambda record: record.spec.seed):
        spec = record.spec
        names = {alike("+".join([spec.method, *(add_on.name for add_on in spec.add_ons)])), alike(spec.title)}
        if alike(method) in names and not (spec.trial or spec.imported or spec.shuffled_labels):
            found.setdefault(spec.configuration, record)
    if not found:
        raise InputError(f"{store.root}: no run of {method} there; `wvad status` lists what is stored")
    if len(found) > 1:
        runs = [f"{record.key[:8]} ({record.spec.name} on {record.spec.dataset})" for record in found.values()]
        more = f" and {len(runs) - MOST_LISTED} more" if len(runs) > MOST_LISTED else ""
        raise InputError(
            f"{method} has several stored runs; name one by its key: {', '.join(runs[:MOST_LISTED])}{more}"
        )
    return find_run(store, next(iter(found.values())).key)
