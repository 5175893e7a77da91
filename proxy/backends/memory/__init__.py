"""A backend in memory, for tests: the same contract, the plainest code."""

from proxy.backends.memory.backend import MemoryBackend

__all__ = ["MemoryBackend"]
