"""A small method as a user would write it, on `benchmark.api` alone."""

import torch
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch


class Config(MethodConfig):
    hidden: int = 16
    spoil: str = ""


class MeanMIL(Method):
    title = "Mean MIL"
    Config = Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.net = nn.Sequential(
            nn.Linear(features.dim, config.hidden), nn.ReLU(), nn.Dropout(0.3), nn.Linear(config.hidden, 1)
        )
        self.steps = 0
        if config.spoil == "hang":
            import signal
            import time

            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
            time.sleep(600)

    def score(self, features: Tensor) -> Tensor:
        scores = torch.sigmoid(self.net(features)).squeeze(-1).mean(dim=1)
        if self.config.spoil == "shape":
            return scores[:, :-1]
        return scores * 2 if self.config.spoil == "range" else scores

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        self.steps += 1
        normal = torch.sigmoid(self.net(batch.normal.features)).mean(dim=(1, 2, 3))
        abnormal = torch.sigmoid(self.net(batch.abnormal.features)).amax(dim=(1, 2, 3))
        loss = (normal - abnormal).mean()
        if self.config.spoil == "nan" and self.steps == 2:
            loss = loss * torch.nan
        if self.config.spoil == "vector":
            loss = loss[None]
        if self.config.spoil == "memory":
            torch.ones(1 << 28)
        if self.config.spoil == "die":
            import os

            os._exit(9)
        if self.config.spoil == "thread" and self.steps == 1:
            import threading

            threading.Thread(target=threading.Event().wait, args=(60.0,)).start()
        if self.config.spoil == "linger":
            import time

            time.sleep(0.25)
        if self.config.spoil == "alone" and self.steps == 1:
            import os

            assert "MEAN_MIL" not in os.environ, "this process has done a run before"
            os.environ["MEAN_MIL"] = "done"
        return {"loss": loss, "normal": normal.mean()}


class NeedsMotion(MeanMIL):
    inputs = {"motion": ("given",)}  # noqa: RUF012
