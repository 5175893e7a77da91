"""S3's words on the wire: pure functions, no I/O, no clock, no framework.

Anything that a client can send is bounded here, and whatever is wrong with it becomes an S3Error.
"""
