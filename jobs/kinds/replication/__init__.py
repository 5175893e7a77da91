"""The parts of the replication kind: a bucket's objects are kept at another bucket too.

`deciding` says what becomes of a key, purely and from what both sides show of it; the walk (`walking`), the
change feed (`following`), retries and the audit (`verifying`) all ask it.
"""
