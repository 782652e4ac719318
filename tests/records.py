"""Records of runs that were never trained."""

from benchmark.runs.records import Environment, RunRecord
from benchmark.runs.run_spec import RunSpec


def make_record(spec: RunSpec, **fields: object) -> RunRecord:
    """Make the record of a run that was neither judged on the way nor chosen by the oracle, but for what is given."""
    made = {
        "key": spec.key,
        "spec": spec,
        "looks": (),
        "selected": {"last": spec.training.steps},
        "oracle_test_hash": None,
        "deviations": (),
        "dim": 8,
        "object_classes": 0,
        "parameters": 100,
        "seconds": 1.0,
        "finished": "2026-01-01T00:00:00+00:00",
        "environment": Environment(wvad_bench="0", python="3", torch="2", numpy="2", machine="Linux", device="cpu"),
    }
    return RunRecord(**made | fields)  # type: ignore[arg-type]
