"""What `proxy.backends.encrypted` is made of: whose keys, how a body is sealed, opened, and passed on sealed.

A body has a data key, which seals its segments. The data key is kept wrapped: by a key of its bucket
(`keys`), or by a key that the customer brings along and that is never kept. The format is `proxy.crypto`'s.
"""
