"""Replicas: one object copied to another bucket, for every kind that makes such copies.

A replica has the ETag, the Last-Modified, the metadata and the tags of its source, and the owner, lock and
version id that any write to its bucket would get.
"""
