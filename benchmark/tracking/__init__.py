"""MLflow as a projection of the run store: whatever it shows can be rebuilt from the files.

In it: how MLflow is reached, what is logged there, and that this disturbs no call. Not in it: anything that MLflow
alone would know.
"""

from benchmark.tracking.connection import connect, is_server, shown_uri, trouble
from benchmark.tracking.guard import GuardedTracker, NoTracker, Tracker, choose_tracker, follow_again, saying_once
from benchmark.tracking.projection import sync

__all__ = [
    "GuardedTracker",
    "NoTracker",
    "Tracker",
    "choose_tracker",
    "connect",
    "follow_again",
    "is_server",
    "saying_once",
    "shown_uri",
    "sync",
    "trouble",
]
