"""Who asks through Envoy: one request after the other on one connection, each told by its puppet.

A puppet says its knob `value`; here the stable's is 1 and the candidate's 2.
"""

import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice

PATH = "/puppet"
PAUSE = 0.02
NOTHING_MORE: Mapping[str, str] = {}


class Client:
    """Use as a context manager to ask all the time: `seen` has who answered, in order.

    What breaks a connection is raised, there and in `ask`; what is not 200 is `status …`.
    """

    def __init__(self, port: int, host: str) -> None:
        self.seen: list[object] = []
        self._port = port
        self._host = host
        self._over = threading.Event()
        self._broken: Exception | None = None
        self._thread = threading.Thread(target=self._watch, name="client", daemon=True)

    def __enter__(self) -> "Client":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)
        if self._broken:
            raise AssertionError("a request got no answer") from self._broken

    def ask(self, number: int, headers: Mapping[str, str] = NOTHING_MORE) -> Counter[object]:
        """Who answered how many of that many requests."""
        return Counter(islice(self._answers(headers), number))

    def _watch(self) -> None:
        try:
            for answer in self._answers(NOTHING_MORE):
                self.seen.append(answer)
                if self._over.wait(PAUSE):
                    return
        except (OSError, http.client.HTTPException) as error:
            self._broken = error

    def _answers(self, headers: Mapping[str, str]) -> Iterator[object]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            while True:
                connection.request("GET", PATH, headers={"Host": self._host, **headers})
                answer = connection.getresponse()
                body = answer.read()
                yield (
                    json.loads(body)["value"]
                    if answer.status == 200
                    else (f"status {answer.status}")
                )
        finally:
            connection.close()
