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


def test_good_health_probes_are_not_logged_and_bad_ones_are() -> None:
    probe = '{"path":"/_/health","status":%d}'
    assert not WithoutProbes().filter(_record(probe % 200))
    assert WithoutProbes().filter(_record(probe % 503))
    assert WithoutProbes().filter(_record('{"path":"/bucket/key","status":200}'))
    several = _record("\n".join([probe % 200, '{"path":"/bucket/key"}', probe % 503]))
    assert WithoutProbes().filter(several)
    assert several.getMessage() == "\n".join(['{"path":"/bucket/key"}', probe % 503])
