"""The tables of index.db, as steps: what is there is brought from each version to the next.

Keys are BLOBs, whose order in SQLite is the order of S3. Tables are WITHOUT ROWID except
where a row is large (`bodies`) or a log (`changes`). Times are milliseconds, UTC.
"""

from __future__ import annotations

_FIRST = """
-- One row: what is true of the whole place. `seq` is the newest that was given out.
-- (`swept` is not used any more.)
CREATE TABLE place (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL, keys INTEGER NOT NULL, size INTEGER NOT NULL,
    gone INTEGER NOT NULL, swept INTEGER NOT NULL
);
INSERT INTO place VALUES (1, 0, 0, 0, 0, 0);

-- What a plain GET finds and all that a listing reads: listed columns first, long ones last.
-- `body` is an inline body's id; `segments` are [[blob, offset, length], ...].
CREATE TABLE live (
    key BLOB PRIMARY KEY, size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
    seq INTEGER NOT NULL, owner TEXT NOT NULL, checksums TEXT NOT NULL, checksum_type TEXT NOT NULL,
    class TEXT NOT NULL, facts TEXT NOT NULL, body INTEGER, segments TEXT NOT NULL, parts TEXT NOT NULL
) WITHOUT ROWID;

-- Rows that died but are kept: older versions, delete markers, what a snapshot holds.
-- A row is in the snapshot S iff seq <= S and died > S.
CREATE TABLE history (
    key BLOB NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
    seq INTEGER NOT NULL, owner TEXT NOT NULL, checksums TEXT NOT NULL, checksum_type TEXT NOT NULL,
    class TEXT NOT NULL, facts TEXT NOT NULL, body INTEGER, segments TEXT NOT NULL, parts TEXT NOT NULL,
    died INTEGER NOT NULL, version TEXT, marker INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (key, seq)
) WITHOUT ROWID;

-- Inline bodies. The id is the seq of the change that brought it, so it is never given twice.
CREATE TABLE bodies (id INTEGER PRIMARY KEY, refs INTEGER NOT NULL, data BLOB NOT NULL);

-- Bodies in files, and those that nothing refers to any more.
CREATE TABLE blobs (id TEXT PRIMARY KEY, refs INTEGER NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE garbage (id TEXT PRIMARY KEY, since INTEGER NOT NULL, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX garbage_by_age ON garbage (since);

-- The bounded log behind a change feed: one row per change.
CREATE TABLE changes (seq INTEGER PRIMARY KEY, key BLOB NOT NULL, gone INTEGER NOT NULL);

CREATE TABLE uploads (
    id TEXT PRIMARY KEY, key BLOB NOT NULL, initiated INTEGER NOT NULL, owner TEXT NOT NULL,
    algorithm TEXT NOT NULL, checksum_type TEXT NOT NULL, facts TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX uploads_by_key ON uploads (key, initiated, id);
CREATE TABLE parts (
    upload TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL,
    modified INTEGER NOT NULL, checksums TEXT NOT NULL, segments TEXT NOT NULL,
    PRIMARY KEY (upload, number)
) WITHOUT ROWID;

-- Finished uploads, kept so that a repeated Complete gives the first answer (`result`).
CREATE TABLE completions (
    id TEXT PRIMARY KEY, key BLOB NOT NULL, initiated INTEGER NOT NULL, owner TEXT NOT NULL,
    algorithm TEXT NOT NULL, checksum_type TEXT NOT NULL, facts TEXT NOT NULL,
    finished INTEGER NOT NULL, result TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX completions_by_key ON completions (key, initiated, id);
CREATE INDEX completions_by_age ON completions (finished);

CREATE TABLE marks (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
"""

_VERSIONS = """
-- Also kept count of: rows that a plain GET does not find, and their bytes.
ALTER TABLE place ADD COLUMN versions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE place ADD COLUMN versions_size INTEGER NOT NULL DEFAULT 0;

-- `version` and `ordinal`: its id and its place in line among the versions of its key. `mode`,
-- `until` and `hold` are its lock, `acl` its access list. Made anew, so that what a listing reads
-- stands before what is long.
ALTER TABLE live RENAME TO live_before;
CREATE TABLE live (
    key BLOB PRIMARY KEY, size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
    seq INTEGER NOT NULL, owner TEXT NOT NULL, checksums TEXT NOT NULL, checksum_type TEXT NOT NULL,
    class TEXT NOT NULL, version TEXT NOT NULL, ordinal INTEGER NOT NULL, mode TEXT NOT NULL,
    until INTEGER NOT NULL, hold INTEGER NOT NULL, body INTEGER, acl TEXT NOT NULL,
    facts TEXT NOT NULL, segments TEXT NOT NULL, parts TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO live (
    key, size, etag, modified, seq, owner, checksums, checksum_type, class,
    version, ordinal, mode, until, hold, body, acl, facts, segments, parts
) SELECT
    key, size, etag, modified, seq, owner, checksums, checksum_type, class,
    'null', seq, '', 0, 0, body, '', facts, segments, parts
FROM live_before ORDER BY key;
DROP TABLE live_before;

-- Older versions and delete markers, also the marker that is the newest of its key: the greatest
-- (ordinal, version) of a key is its newest, and it is in `live` unless it is a marker.
DROP TABLE history;
CREATE TABLE history (
    key BLOB NOT NULL, size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
    seq INTEGER NOT NULL, owner TEXT NOT NULL, checksums TEXT NOT NULL, checksum_type TEXT NOT NULL,
    class TEXT NOT NULL, version TEXT NOT NULL, ordinal INTEGER NOT NULL, mode TEXT NOT NULL,
    until INTEGER NOT NULL, hold INTEGER NOT NULL, body INTEGER, acl TEXT NOT NULL,
    facts TEXT NOT NULL, segments TEXT NOT NULL, parts TEXT NOT NULL, marker INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (key, ordinal DESC, version DESC)
) WITHOUT ROWID;
CREATE UNIQUE INDEX history_by_version ON history (key, version);

-- What is or was locked, so that counting it reads nothing else.
CREATE INDEX live_locked ON live (until, hold) WHERE until > 0 OR hold = 1;
CREATE INDEX history_locked ON history (until, hold) WHERE until > 0 OR hold = 1;

ALTER TABLE uploads ADD COLUMN mode TEXT NOT NULL DEFAULT '';
ALTER TABLE uploads ADD COLUMN until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE uploads ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE uploads ADD COLUMN acl TEXT NOT NULL DEFAULT '';
ALTER TABLE completions ADD COLUMN mode TEXT NOT NULL DEFAULT '';
ALTER TABLE completions ADD COLUMN until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE completions ADD COLUMN hold INTEGER NOT NULL DEFAULT 0;
ALTER TABLE completions ADD COLUMN acl TEXT NOT NULL DEFAULT '';
-- `result` has the columns of `live` from `key` to `class`, then those from `version` on.
UPDATE completions SET result = json_array(
    result ->> 0, result ->> 1, result ->> 2, result ->> 3, result ->> 4, result ->> 5, result ->> 6,
    result ->> 7, result ->> 8, 'null', result ->> 4, '', 0, 0, '', result ->> 9, result ->> 10
);
"""

_SEALS = """
-- How a body is sealed, '' if it is not. `wrap` is its sealed data key (its text before the last dot
-- names the key that sealed it), `sealed` its segments: [[body id, bytes of plaintext, stored], ...].
-- `size` stays the plaintext's; `segments` and `bodies` are about what is stored.
ALTER TABLE live ADD COLUMN wrap TEXT NOT NULL DEFAULT '';
ALTER TABLE live ADD COLUMN sealed TEXT NOT NULL DEFAULT '';
ALTER TABLE history ADD COLUMN wrap TEXT NOT NULL DEFAULT '';
ALTER TABLE history ADD COLUMN sealed TEXT NOT NULL DEFAULT '';

-- An upload has a wrap for all its parts, and each part one sealed segment.
ALTER TABLE uploads ADD COLUMN wrap TEXT NOT NULL DEFAULT '';
ALTER TABLE completions ADD COLUMN wrap TEXT NOT NULL DEFAULT '';
ALTER TABLE parts ADD COLUMN sealed TEXT NOT NULL DEFAULT '';
UPDATE completions SET result = json_insert(result, '$[#]', '', '$[#]', '');
"""

STEPS = (_FIRST, _VERSIONS, _SEALS)
"""What brings the schema from one version to the next; `user_version` counts those done."""
