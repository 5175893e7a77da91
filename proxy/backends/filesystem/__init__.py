"""Objects in one folder: facts and small bodies in an SQLite index per bucket, others in files.

Read `schema` (the tables), then `objects`, `versions`, `writer` and `taking`.
What is sealed is stored as it comes (`seals`); `premises` is what is not about objects.
"""

from proxy.backends.filesystem.backend import FilesystemBackend

__all__ = ["FilesystemBackend"]
