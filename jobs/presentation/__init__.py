"""What every window shows of a job, a run and a failure. Pure: rows in, plain values out.

The shapes are the admin API's; a field that has no value is left out, never null. Times are
unix seconds, sizes bytes.
"""

from jobs.presentation.applying import APPLIES, available, supported, why_not
from jobs.presentation.definitions import definition
from jobs.presentation.history import dest_key, failure_row, looked_at_again, run_row, totals
from jobs.presentation.rows import busy_row, job_row, migration_row, trigger
from jobs.presentation.shown import Shown, course_of
from jobs.presentation.stages import fraction, ladder, progress, waits
from jobs.presentation.values import compact, etag_of, seconds

__all__ = [
    "APPLIES",
    "Shown",
    "available",
    "busy_row",
    "compact",
    "course_of",
    "definition",
    "dest_key",
    "etag_of",
    "failure_row",
    "fraction",
    "job_row",
    "ladder",
    "looked_at_again",
    "migration_row",
    "progress",
    "run_row",
    "seconds",
    "supported",
    "totals",
    "trigger",
    "waits",
    "why_not",
]
