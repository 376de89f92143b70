"""CloudEvents 1.0 over HTTP, in structured mode: one JSON object a request.

Neighbours: `delivery` sends by it; `messages` makes what is sent.
"""

import json
import os
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, InvalidURL

from ...api import names
from .messages import Message
from .sending import TRY_SECONDS, Undelivered, read_url

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
TYPE = "dev.transit.modeldeployment"  # followed by the reason
# The receiver has read it, and will say the same of it the next time.
REFUSED = frozenset({400, 413, 415, 422})


def event(message: Message) -> dict[str, Any]:
    """Return a message as a CloudEvent. The same message has the same source and id."""
    owner = message.owner
    place = f"namespaces/{owner.namespace}/{names.PLURAL}/{owner.name}"
    return {
        "specversion": "1.0",
        "id": message.id,
        "source": f"/apis/{names.API_VERSION}/{place}",
        "type": f"{TYPE}.{message.reason.lower()}",
        "time": message.time,
        "subject": f"{owner.namespace}/{owner.name}",
        "datacontenttype": "application/json",
        "data": {"title": message.title, "text": message.text, **message.data},
    }


class CloudEventsSender:
    """Posts to one URL. What was not answered with 2xx was not taken; nobody follows a redirect."""

    def __init__(self, file: Path, try_seconds: float = TRY_SECONDS) -> None:
        self._file = file
        self._try_seconds = try_seconds

    async def send(self, message: Message) -> None:
        """Post it. Raises: Undelivered."""
        body = json.dumps(event(message)).encode()
        status = await self._post(read_url(self._file), body)
        if not 200 <= status < 300:
            raise Undelivered(f"it answered {status}", for_good=status in REFUSED)

    async def _post(self, url: str, body: bytes) -> int:
        timeout = ClientTimeout(total=self._try_seconds)
        headers = {"Content-Type": CONTENT_TYPE}
        try:
            async with (
                ClientSession(timeout=timeout, trust_env=True) as session,
                session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
            ):
                return answer.status
        except TimeoutError:
            raise Undelivered(f"no answer in {self._try_seconds:.0f} s") from None
        except InvalidURL:
            raise Undelivered(f"{self._file} has no http:// or https:// URL") from None
        except (ClientError, OSError) as error:  # its words may have the URL
            number = getattr(error, "errno", None) or 0
            raise Undelivered(os.strerror(number) if number > 0 else type(error).__name__) from None
