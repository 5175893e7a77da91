"""A configuration whose rules can be written anew, and buckets that they name."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import Any

from jobs.models import Job
from jobsite.config import load_rules
from tests.jobs.windows import make_bucket, two_backends

_FRAME = """\
storage:
  backends: [{name: local, type: filesystem, path: here}]
  default_backend: local
"""
MIRROR = """\
- name: mirror
  source: {bucket: releases}
  destination: {bucket: releases-dr}
"""
EXPIRE = """\
- name: expire
  bucket: dumps
  action: delete
  expire_after: 90d
"""


class Rules:
    """The file of the site under test."""

    def __init__(self, settings: Any, folder: Path) -> None:
        two_backends(settings, folder)
        self.path = folder / "sluicegate.yaml"
        settings.RULES_SOURCE = str(self.path)
        settings.LOAD_RULES = lambda: load_rules(self.path, folder, {})
        self.write()

    def write(self, replication: str = "", lifecycle: str = "", *, on: bool = True) -> None:
        """These rules and no others; `on`: whether the section `lifecycle` is enabled."""
        text = _FRAME
        for section, rules in (("replication", replication), ("lifecycle", lifecycle)):
            text += f"  {section}:\n    enabled: {str(on or section == 'replication').lower()}\n"
            text += f"    rules:\n{indent(rules, ' ' * 6)}" if rules else ""
        self.path.write_text(text)

    def line_of(self, text: str) -> int:
        """The first line with that text."""
        return next(n for n, line in enumerate(self.path.read_text().splitlines(), 1) if text in line)


def buckets(*names: str) -> None:
    for name in names or ("releases", "releases-dr", "dumps"):
        make_bucket(name)


def jobs() -> dict[str, Job]:
    """The jobs of all rules, those too that are not declared any more."""
    return {job.public_id: job for job in Job.objects.exclude(rule="")}
