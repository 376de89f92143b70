"""Versions compare as semver.org says, and nothing that is none is taken for one."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transit_models import InvalidReference
from transit_models.versions import (
    Version,
    check_alias,
    check_name,
    directory_name,
    is_version,
    parse_version,
    plain,
)

# From semver.org, clause 11, and the mistake of sorting text.
ASCENDING = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.9.0",
    "1.10.0-0",
    "1.10.0",
    "2.0.0",
    "10.0.0",
]

_numbers = st.integers(0, 10**9)
_identifiers = st.one_of(
    _numbers.map(str), st.from_regex(re.compile(r"[A-Za-z-][0-9A-Za-z-]{0,5}"), fullmatch=True)
)
versions = st.builds(
    Version,
    _numbers,
    _numbers,
    _numbers,
    st.lists(_identifiers, max_size=2).map(tuple),
    st.sampled_from(["", "5", "sha.abc"]),
)


@pytest.mark.parametrize(("lower", "higher"), list(pairwise(ASCENDING)))
def test_precedence_is_that_of_the_standard(lower: str, higher: str) -> None:
    assert parse_version(lower) < parse_version(higher)


@given(versions)
def test_what_is_written_is_read_again(version: Version) -> None:
    assert parse_version(str(version)) == version
    assert parse_version(f"v{version}") == version


@given(versions, versions, versions)
def test_the_order_is_total(a: Version, b: Version, c: Version) -> None:
    assert (a < b) + (a == b) + (b < a) == 1
    assert not (a < b and b < c) or a < c


@given(versions, versions)
def test_numbers_decide_before_prereleases(a: Version, b: Version) -> None:
    if (a.major, a.minor, a.patch) < (b.major, b.minor, b.patch):
        assert a < b


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "1.0",
        "1.0.0.0",
        "01.0.0",
        "1.0.0-",
        "1.0.0-01",
        "1.0.0-a..b",
        "1.0.0 ",
        "1.0.0\n",
        "V1.0.0",
        "vv1.0.0",
        "-1.0.0",
        "1.0.0/../../etc",
        "\u0661.0.0",
        "latest",
        "1." + "9" * 100 + ".0",
    ],
)
def test_what_is_no_version_is_refused(text: str) -> None:
    assert not is_version(text)
    with pytest.raises(InvalidReference, match="no semantic version"):
        parse_version(text)


def test_plain_and_directory_names() -> None:
    assert plain("v1.10.0") == plain("1.10.0") == "1.10.0"
    assert directory_name("1.10.0") == directory_name("v1.10.0") == "v1.10.0"


def test_an_unknown_alias_is_told_what_there_is() -> None:
    with pytest.raises(InvalidReference, match=r"'newest' is neither an alias \(latest, stable\)"):
        check_alias("newest")


@pytest.mark.parametrize("name", ["a", "keras_cnn", "A-1.b", "x" * 63])
def test_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-a", "a\n", "a b", "é", "x" * 64, ".hid"])
def test_what_cannot_name_a_model(name: str) -> None:
    with pytest.raises(InvalidReference, match="cannot name a model"):
        check_name(name)
