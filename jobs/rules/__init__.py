"""Rules: what the configuration and the buckets' owners declare, taken over into standing jobs.

A rule is declared outside of the database and never changed by us; what its job remembers (whether it
is paused, cursors, counts, history) is in the database and outlives every reload.
"""
