"""The operator's own parts around receivers, and the guide's examples of them."""

import re
from pathlib import Path

import yaml
from apprise import Apprise

from tests.unit.cluster import NothingWrong
from transit_operator.api.config.operator import OperatorConfig
from transit_operator.runtime.observing.observe import Observer
from transit_operator.runtime.operator import Operator

GUIDE = Path(__file__).parents[2] / "docs/guides/notifications.md"
KNOWN = {
    "slack": "NotifySlack",
    "teams": "NotifyWorkflows",
    "mail": "NotifyEmail",
    "pager": "NotifyPagerDuty",
    "webhook": "NotifyJSON",
}


async def test_the_configuration_turns_it_on(tmp_path: Path) -> None:
    receivers = [{"name": "one", "urlFile": str(tmp_path / "url")}]
    config = OperatorConfig.model_validate({"notifications": {"receivers": receivers}})
    on = Operator(config)
    on._tell(Observer(on.cache, NothingWrong()))
    try:
        assert [task.get_name() for task in on._tasks] == ["notifications"]
        assert on.facts().untold == {"one": 0}
    finally:
        await on.stop()


def test_apprise_knows_the_urls_of_the_guide() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    secret = next(one for block in blocks if (one := yaml.safe_load(block)).get("kind") == "Secret")
    urls = secret["stringData"]
    assert urls.pop("broker").startswith("http://")
    found = {}
    for name, url in urls.items():
        services = Apprise()
        assert services.add(url), name
        [service] = services
        found[name] = type(service).__name__
    assert found == KNOWN
