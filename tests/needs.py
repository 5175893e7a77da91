"""What a test needs from outside: a program on the path or a Python package.

Whatever was not run is listed at the end with its reason; with CI=true it is a failure.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Generator

import pytest

IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def needs(name: str, reason: str) -> pytest.MarkDecorator:
    """Run the test only if the program or package `name` is there; `reason` says what it is for."""
    return pytest.mark.needs(name, reason)


def present(name: str) -> bool:
    """Whether `name` is a program on the path or a package that can be imported."""
    return shutil.which(name) is not None or importlib.util.find_spec(name.replace("-", "_")) is not None


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        name, reason = mark.args
        if not present(name):
            pytest.skip(f"{name} is not installed: {reason}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"not run, which CI does not allow: {_reason(report)}"
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A file that skipped itself while it was collected has no test that could fail."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if IN_CI and reporter is not None and reporter.stats.get("skipped") and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    not_run = terminalreporter.stats.get("skipped", [])
    if not not_run:
        return
    terminalreporter.section("Not run")
    for report in not_run:
        terminalreporter.write_line(f"{report.nodeid}: {_reason(report)}")


def _reason(report: pytest.CollectReport | pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
