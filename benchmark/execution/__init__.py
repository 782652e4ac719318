"""Many runs: which is next, where it goes, how it shows, how long it takes.

In it: one call, from planned tables to filled ones; the driver, the executors, the display; what runs will cost. Not in
it: what one run does, or how a table is written and shown.
"""
