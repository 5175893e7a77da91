"""Objects in one folder: facts and small bodies in an SQLite index per bucket, others in files.

Read `schema` (the tables), then `objects`, `versions`, `writer` and `taking`.
"""

from proxy.backends.filesystem.backend import FilesystemBackend

__all__ = ["FilesystemBackend"]
