"""On what kind of file system a path is, as Linux tells. Source: proc_pid_mountinfo(5)."""

from __future__ import annotations

import re
from pathlib import Path

NETWORK = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "davfs", "9p"),
        *("ceph", "glusterfs", "lustre", "gpfs", "beegfs", "orangefs", "gfs", "gfs2", "ocfs2"),
        *("fuse.sshfs", "fuse.s3fs", "fuse.ceph", "fuse.glusterfs", "fuse.juicefs"),
    }
)
"""Kinds that several hosts can have mounted."""

_TABLE = Path("/proc/self/mountinfo")
_ESCAPED = re.compile(r"\\([0-7]{3})")


def kind_of(path: Path) -> str:
    """The type of the file system that holds `path` or would hold it; empty if it is not known."""
    try:
        table = _TABLE.read_text(errors="surrogateescape")
    except OSError:
        return ""
    return kind_in(table, path.resolve())


def kind_in(table: str, path: Path) -> str:
    """The same from the text of a mountinfo table and an absolute path without links."""
    found, depth = "", 0
    for line in table.splitlines():
        mount, _, source = line.partition(" - ")
        fields, kinds = mount.split(), source.split()
        if len(fields) < 5 or not kinds:
            continue
        point = Path(_ESCAPED.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        # A later line covers an earlier one at the same point.
        if path.is_relative_to(point) and len(point.parts) >= depth:
            found, depth = kinds[0], len(point.parts)
    return found
