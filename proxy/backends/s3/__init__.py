"""Backends that are services speaking S3: the only place that knows S3 as a client."""
