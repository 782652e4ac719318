"""MLflow as a projection of the run store: whatever it shows can be rebuilt from the files."""

from benchmark.tracking.connection import connect, shown_uri, trouble
from benchmark.tracking.guard import GuardedTracker, NoTracker, Tracker
from benchmark.tracking.projection import sync

__all__ = ["GuardedTracker", "NoTracker", "Tracker", "connect", "shown_uri", "sync", "trouble"]
