"""Objects in one folder: facts and small bodies in an SQLite index per bucket, others in files.

Read `index` (the tables), then `objects`, `writer` and `taking`.
"""

from proxy.backends.filesystem.backend import FilesystemBackend

__all__ = ["FilesystemBackend"]
