"""What is asked of the machine: files, hashes, seeds, signals, the limits of a process, libraries that may be missing.

In it: what another project could use as it is. Not in it: any word of the field, or an import of another room.
"""
