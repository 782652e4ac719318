"""The engine of wvad-bench; what `__all__` names is its interface for notebooks."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.notebook import compare, load_class_wise, load_runs, load_scores, open_dataset, predict

__all__ = ["compare", "load_class_wise", "load_runs", "load_scores", "open_dataset", "predict"]


def __getattr__(name: str) -> Any:
    # Imported when asked for: they bring PyTorch along, which the command line starts without.
    if name in __all__:
        from benchmark import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
