"""A linear support vector machine on whole videos: the baseline that multiple-instance learning is to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from benchmark.api import MethodConfig
from benchmark.api.sklearn import SklearnMethod

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


class BinarySVMConfig(MethodConfig):
    """Settings of the support vector machine."""

    penalty: float = Field(1.0, gt=0, description="C: how much a video on the wrong side of its margin costs")


class BinarySVM(SklearnMethod):
    """Linear SVM between normal and abnormal videos (Sultani et al. 2018, section 5.2, "binary classifier")."""

    title = "Binary SVM"
    version = 1
    Config = BinarySVMConfig
    config: BinarySVMConfig

    def make_estimator(self) -> BaseEstimator:
        """Return scikit-learn's linear SVM."""
        from sklearn.svm import LinearSVC

        return LinearSVC(C=self.config.penalty, random_state=0)
