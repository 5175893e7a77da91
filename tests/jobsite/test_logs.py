from __future__ import annotations

import json
import logging
import sys

from jobsite.logs import JsonFormatter, PlainFormatter, WithoutProbes


def _record(message: str, error: bool = False, **facts: object) -> logging.LogRecord:
    info = None
    if error:
        try:
            raise ValueError("wrong")
        except ValueError:
            info = sys.exc_info()
    record = logging.LogRecord("a.logger", logging.WARNING, __file__, 1, message, (), info)
    record.created = 0.5
    record.__dict__.update(facts)
    return record


def test_a_plain_line_shows_time_level_logger_and_ids() -> None:
    line = PlainFormatter().format(_record("text", request_id="ABC", job_id=None))
    assert line == "1970-01-01T00:00:00.500Z WARNING a.logger: text request_id=ABC"


def test_a_message_cannot_forge_a_second_line() -> None:
    assert "\n2026" not in PlainFormatter().format(_record("text\n2026-01-01 ERROR forged"))


def test_a_json_line_is_one_object_with_its_traceback() -> None:
    line = JsonFormatter().format(_record("a\nb", error=True, request_id="ABC"))
    assert "\n" not in line
    entry = json.loads(line)
    assert entry["time"] == "1970-01-01T00:00:00.500Z"
    assert (entry["message"], entry["request_id"]) == ("a\nb", "ABC")
    assert "ValueError: wrong" in entry["exception"]


def test_good_health_probes_are_not_logged_and_all_else_is() -> None:
    good, bad = '{"path":"/_/health","status":200}', '{"path":"/_/health","status":503}'
    other = '{"path":"/bucket/key","status":200}'
    batch = _record("\n".join([good, other, good, bad]))
    assert WithoutProbes().filter(batch)
    assert batch.getMessage().split("\n") == [other, bad]
    assert not WithoutProbes().filter(_record(good))
