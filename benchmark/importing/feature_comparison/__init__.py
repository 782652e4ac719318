"""Features of the same videos from elsewhere, compared with a dataset's: are they the same, and if not, what differs.

In it: pairing videos, snippets and crops, similarities, and what they say. Not in it: taking any of them over.
"""

from benchmark.importing.feature_comparison.comparison import FeatureComparison, compare_features

__all__ = ["FeatureComparison", "compare_features"]
