"""What people in a room are told calls nobody and leads nowhere, and reads as it was said."""

import pytest

from transit_operator.runtime.notifying.harmless import harmless


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("@everyone look", "@|everyone look"),
        ("<!channel> <@U123> <@&9> <users/all>", "<|!channel> <|@|U123> <|@&9> <|users/all>"),
        ("[the status](https://evil.example)", "[the status]|(https://evil.example)"),
        ("a\x1b[2Jb\u202ec\rd", "a\ufffd[2Jb\ufffdc\ufffdd"),
    ],
)
def test_what_others_say_is_no_markup(said: str, told: str) -> None:
    assert harmless(said) == told.replace("|", "\u200b")


@pytest.mark.parametrize(
    "text",
    [
        "Latency: latency 2.10x over 2x: p95 21 ms against 10 ms of stable (1000 requests in 5m)",
        "0 < 1 <= 2, [a] (b), 5 @ 3\n\tMore: transit why kepler -n ml",
        "registry.example.com/server@sha256:0a1b",
        "transit-models discard s3://models forest@1.0.0",
    ],
)
def test_transits_own_words_stay(text: str) -> None:
    assert harmless(text) == text
