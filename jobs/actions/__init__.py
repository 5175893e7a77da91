"""What an operator can do, one function each; all that the windows call.

Every function takes the Actor first, checks that they may, and whatever changes something
leaves an AuditEntry, also when it is refused.
"""

from jobs.actions.actor import EVERYTHING, Actor, Right, actor_of, origin_of
from jobs.actions.backends import ShownBackend, backends, shown_backends
from jobs.actions.buckets import ShownBucket, buckets
from jobs.actions.changing import HANDLERS, cancel, perform, retry_failed
from jobs.actions.filtering import Filters
from jobs.actions.listing import Listed, counts, listing
from jobs.actions.people import (
    create_key,
    create_user,
    enable_key,
    enable_user,
    group_names,
    people,
    person,
    set_groups,
    set_password,
)
from jobs.actions.performing import Performed
from jobs.actions.reading import Failures, busy, failures, lookup, run_of, runs, trail
from jobs.actions.rule_jobs import failed_keys, pause, preview_rule, resume, run_now, verify
from jobs.actions.rules import RulesState, check_rules, last_sync, rules_state, sync_rules
from jobs.actions.signing_in import sign_in, sign_out
from jobs.actions.starting import (
    Each,
    preview,
    preview_migration,
    preview_reencryption,
    start,
    start_migration,
    start_reencryption,
)
from jobs.actions.tokens import create_token, holder_of, list_tokens, revoke_token
from jobs.actions.visiting import (
    caller_of,
    circumstances_of,
    delete_objects,
    restore_object,
    upload_object,
    visit,
)
from jobs.actions.workers import Workers, workers

__all__ = [
    "EVERYTHING",
    "HANDLERS",
    "Actor",
    "Each",
    "Failures",
    "Filters",
    "Listed",
    "Performed",
    "Right",
    "RulesState",
    "ShownBackend",
    "ShownBucket",
    "Workers",
    "actor_of",
    "backends",
    "buckets",
    "busy",
    "caller_of",
    "cancel",
    "check_rules",
    "circumstances_of",
    "counts",
    "create_key",
    "create_token",
    "create_user",
    "delete_objects",
    "enable_key",
    "enable_user",
    "failed_keys",
    "failures",
    "group_names",
    "holder_of",
    "last_sync",
    "list_tokens",
    "listing",
    "lookup",
    "origin_of",
    "pause",
    "people",
    "perform",
    "person",
    "preview",
    "preview_migration",
    "preview_reencryption",
    "preview_rule",
    "restore_object",
    "resume",
    "retry_failed",
    "revoke_token",
    "rules_state",
    "run_now",
    "run_of",
    "runs",
    "set_groups",
    "set_password",
    "shown_backends",
    "sign_in",
    "sign_out",
    "start",
    "start_migration",
    "start_reencryption",
    "sync_rules",
    "trail",
    "upload_object",
    "verify",
    "visit",
    "workers",
]
