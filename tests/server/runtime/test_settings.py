"""The environment → settings, or a message that names the variable."""

import pytest

from transit_server.settings import (
    Settings,
    SettingsError,
    help_text,
    parse_duration,
    parse_size,
)

GOOD = {
    "TRANSIT_MODELS": '[{"name": "a", "version": "1.0.0"}, {"name": "b", "version": "latest"}]',
    "TRANSIT_STORAGE_URI": "file:///models",
}


def test_defaults() -> None:
    settings = Settings.from_environment(GOOD)
    assert settings.default == "a"
    assert settings.batch_max_size == 32
    assert settings.batch_max_wait == 0.002
    assert settings.drain_delay == 5.0
    assert settings.request_timeout == 30.0
    assert str(settings.cache_dir) == "/var/cache/transit"
    assert settings.port == 8000


def test_an_empty_variable_is_an_absent_one() -> None:
    assert Settings.from_environment({**GOOD, "TRANSIT_DEFAULT_MODEL": ""}).default == "a"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2ms", 0.002), ("5s", 5), ("1m30s", 90), ("250us", 0.00025), ("0s", 0), ("1.5s", 1.5)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "size"), [("1024", 1024), ("32Mi", 33554432), ("2k", 2000), ("1Gi", 2**30)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("nothing", {"TRANSIT_MODELS": ""}, "TRANSIT_MODELS is not set"),
        ("no JSON", {"TRANSIT_MODELS": "{"}, "TRANSIT_MODELS: not JSON"),
        ("empty", {"TRANSIT_MODELS": "[]"}, "TRANSIT_MODELS"),
        ("no version", {"TRANSIT_MODELS": '[{"name": "a"}]'}, "TRANSIT_MODELS[0][version]"),
        (
            "twice",
            {"TRANSIT_MODELS": '[{"name":"a","version":"1.0.0"},{"name":"a","version":"2.0.0"}]'},
            "'a' is there twice",
        ),
        (
            "reserved",
            {"TRANSIT_MODELS": '[{"name":"ensemble","version":"1.0.0"}]'},
            "can't be names",
        ),
        ("default", {"TRANSIT_DEFAULT_MODEL": "c"}, "'c' is neither"),
        ("duration", {"TRANSIT_DRAIN_DELAY": "5 seconds"}, "TRANSIT_DRAIN_DELAY: '5 seconds'"),
        ("zero", {"TRANSIT_REQUEST_TIMEOUT": "0s"}, "TRANSIT_REQUEST_TIMEOUT"),
        ("size", {"TRANSIT_MAX_BODY": "big"}, "TRANSIT_MAX_BODY: 'big' is not a size"),
        ("batch", {"TRANSIT_BATCH_MAX_SIZE": "0"}, "TRANSIT_BATCH_MAX_SIZE"),
    ],
)
def test_refused(name: str, changes: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_environment({**GOOD, **changes})
    assert message in str(caught.value)


def test_help_names_every_variable() -> None:
    text = help_text()
    for field in Settings.model_fields:
        assert f"TRANSIT_{field.upper()}" in text
