"""Numbers from scores: exact frame metrics, and the ranking behind them.

In it: what needs scores and labels alone. Not in it: a store, a table, PyTorch, or how sure a number is.
"""
