"""What is said of an error of the server itself: to the client an id, to the log where it was."""

import json
import logging

import pytest

from transit_server.http.problems import reply_to


def test_an_unexpected_error_is_logged_by_its_route(caplog: pytest.LogCaptureFixture) -> None:
    """Not by the path as it was sent, nor with the exception's text to the client."""
    with caplog.at_level(logging.ERROR):
        reply = reply_to(ValueError("password=x"), "/api/v1/models/{name}/info", "req_1")
    assert reply.status_code == 500
    error = json.loads(bytes(reply.body))["error"]
    assert error["code"] == "internal"
    assert "req_1" in error["message"]
    assert "password" not in error["message"]
    assert caplog.messages == ["unexpected error on /api/v1/models/{name}/info, request id req_1"]
