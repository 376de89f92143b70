"""`python -m tests.page.pictures`: the pictures of the live page in docs/pictures; look at them.

Of `plays`, as the browser tests see them; Chromium as for `make test-page`.
"""

import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from dev.cluster.paths import REPOSITORY
from tests.page import plays
from tests.page.conftest import serving
from tests.page.stage import Stage
from tests.page.test_browser import CHROMIUM, go, opened

FOLDER = REPOSITORY / "docs" / "pictures"
PICTURES = (
    ("dashboard-list", "/", "dark", (1180, 480)),
    ("dashboard-rollback", "/m/ml/galileo", "light", (1180, 1325)),
)


def main(folder: Path, *, themes: tuple[str, ...] = ()) -> None:
    """Write them; in `themes` all of them, to be looked at."""
    stage = Stage()
    plays.all_of(stage)
    with (
        tempfile.TemporaryDirectory() as scratch,
        serving(stage, Path(scratch)) as page,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for name, path, theme, size in PICTURES:
            for one in themes or (theme,):
                tab, _ = opened(browser, page, one, size)
                go(tab, path)
                expect(tab.locator("time").first).to_contain_text("ago")
                tab.screenshot(path=folder / f"{name}{'-' + one if themes else ''}.png")
                tab.context.close()
        browser.close()
    stage.fall_silent()


if __name__ == "__main__":
    main(FOLDER)
