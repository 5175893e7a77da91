"""The steps of the migrate job, one module per phase, and the pure decisions that they share.

Read `ground.py` (what a step works on) and `position.py` (where a walk is) first.
"""
