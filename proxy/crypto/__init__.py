"""Everything that is sealed, and the only package that knows the crypto library.

`master` seals small secrets with the master key; `frames` and `footers` are the format of sealed
bodies; `wraps` seals the keys of bodies; `ring` is a KeyRing; `scratch` is a file that nobody else can read.
All but `master` and `scratch` are pure.
"""

from proxy.crypto.master import NoKey, WrongKey, open_sealed, seal

__all__ = ["NoKey", "WrongKey", "open_sealed", "seal"]
