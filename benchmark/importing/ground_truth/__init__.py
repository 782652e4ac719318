"""Ground truth of frames from other repositories, compared with a dataset's per video.

In it: reading it, dividing it among videos, and why it differs. Not in it: taking any of it over.
"""

from benchmark.importing.ground_truth.comparison import ComparedVideo, Comparison, compare_ground_truth

__all__ = ["ComparedVideo", "Comparison", "compare_ground_truth"]
