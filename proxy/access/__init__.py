"""Who may do what: policies, access lists, and the decision between them. Pure.

`Access` is the way in; the rest is what it is made of.
"""

from proxy.access.circumstances import Circumstances
from proxy.access.rights import Access

__all__ = ["Access", "Circumstances"]
