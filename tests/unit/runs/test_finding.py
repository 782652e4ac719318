from pathlib import Path

import pytest

from benchmark.runs.finding import find_run, find_run_of_method
from benchmark.system.errors import InputError
from tests.small_store import draw_scores, make_results, spec_of, store_run


def test_a_method_means_the_first_seed_of_its_runs(tmp_path: Path) -> None:
    store = make_results(tmp_path).store
    for name in ("clav", "CLAV+CoMo", "Clav"):
        assert find_run_of_method(store, name).spec.seed == 0
    assert find_run_of_method(store, "rtfm").key == spec_of("rtfm", 0).key
    assert find_run(store, spec_of("rtfm", 1).key[:9]).spec.seed == 1


def test_runs_that_differ_are_named_by_their_keys(tmp_path: Path) -> None:
    store = make_results(tmp_path).store
    other = spec_of("rtfm", 0, steps=50)
    store_run(store, other, draw_scores(1, 0.5))
    with pytest.raises(InputError) as refused:
        find_run_of_method(store, "rtfm")
    assert all(spec.key[:8] in str(refused.value) for spec in (other, spec_of("rtfm", 0)))
    with pytest.raises(InputError, match="no run of mmil there"):
        find_run_of_method(store, "mmil")
    with pytest.raises(InputError, match="several runs with a key that begins with"):
        find_run(store, "")
