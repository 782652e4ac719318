"""Ground truth of frames from other repositories, compared with a dataset's per video."""

from benchmark.importing.ground_truth.comparison import ComparedVideo, Comparison, compare_ground_truth

__all__ = ["ComparedVideo", "Comparison", "compare_ground_truth"]
