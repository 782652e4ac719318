"""What a run is and where it lies: records, the run store, the results folder around it, claims, checks and archives.

In it: reading and writing what is stored, and what must hold of it. Not in it: making a run, or filling a table.
"""
