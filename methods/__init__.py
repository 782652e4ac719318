"""Methods and add-ons: each is `name.py` with its recipe `name.yaml` beside it, or a folder if it takes several files.

In it: what their authors made. Not in it: data, training or metrics; of the engine, `benchmark.api` alone is imported.
"""
