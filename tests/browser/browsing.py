"""What a person does with the console, in a few words each."""

from __future__ import annotations

from typing import Any

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from tests.jobsite.service import Service, until


class Browser:
    """One window of Chromium on one service."""

    def __init__(self, driver: webdriver.Chrome, service: Service) -> None:
        self.driver = driver
        self.url = service.url
        self.password = service.password

    def reset(self) -> None:
        """No cookies, a wide window, an empty console log."""
        self.resize(1280, 900)
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
        self.driver.get(f"{self.url}/_/login/")  # away from a page that polls, and would complain from now on
        self.driver.get_log("browser")

    def resize(self, width: int, height: int) -> None:
        facts = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", facts)

    def go(self, path: str) -> None:
        self.driver.get(self.url + path)

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def there(self, selector: str) -> bool:
        return bool(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def text(self, selector: str) -> str:
        """What is shown now; empty if it is not there or changes while it is read."""
        try:
            found = self.driver.find_elements(By.CSS_SELECTOR, selector)
            return found[0].text if found else ""
        except StaleElementReferenceException:
            return ""

    def click(self, selector: str) -> None:
        self.find(selector).click()

    def type(self, selector: str, text: str) -> None:
        self.find(selector).clear()
        self.find(selector).send_keys(text)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.find("body").send_keys(key)

    def log_in(self, user: str = "admin", password: str = "", path: str = "/_/jobs/") -> None:
        """On the way to a page; as the administrator unless somebody else is named."""
        self.go(path)
        self.type("#username", user)
        self.type("#password", password or self.password)
        self.find("#password").send_keys(Keys.ENTER)
        until(lambda: self.there("#main h1"), 20)

    def wait_for(self, selector: str, words: str, seconds: float = 60) -> None:
        """Until the element shows the words."""
        until(lambda: words in self.text(selector), seconds, f"{selector} never showed {words!r}")

    def script(self, code: str, *arguments: Any) -> Any:
        return self.driver.execute_script(code, *arguments)

    def complaints(self) -> list[str]:
        """What the browser's own console says since the last time: refused scripts and errors."""
        return [entry["message"] for entry in self.driver.get_log("browser")]
