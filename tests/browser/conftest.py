"""A whole service, a client for its objects, and a headless Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from selenium import webdriver

from tests.browser.browsing import Browser
from tests.jobsite.service import ROOT, Service


@pytest.fixture(scope="session")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service's configuration, as it comes with the product at first."""
    return Path(shutil.copy(ROOT / "sluicegate.yaml", tmp_path_factory.mktemp("configuration")))


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory, configuration: Path) -> Iterator[Service]:
    facts = {"SLUICEGATE_WEB_WORKERS": "1", "SLUICEGATE_CONFIG": str(configuration)}
    running = Service(tmp_path_factory.mktemp("browser"), **facts)
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture(scope="session")
def s3(service: Service) -> Iterator[Any]:
    client = boto3.client(
        "s3",
        endpoint_url=service.url,
        aws_access_key_id=service.access_key,
        aws_secret_access_key=service.secret_key,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, max_pool_connections=8),
    )
    yield client
    client.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_page_load_timeout(30)
    yield driver
    driver.quit()


@pytest.fixture
def browser(chromium: webdriver.Chrome, service: Service) -> Browser:
    """A browser that nobody has logged in yet."""
    fresh = Browser(chromium, service)
    fresh.reset()
    return fresh
