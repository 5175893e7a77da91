"""Django's SQLite backend over `sqlcipher3`, whose bundled library has the WAL-reset fix."""
