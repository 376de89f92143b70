"""Long lists of data without one long call, in which nobody else has the interpreter: cut out of a
request's JSON, of which then little is left, and decoded piece by piece.

`requests` decodes what is left. `tensors` reads the lists, by `quick_numbers` if nothing is unusual
about them, else by `pieces`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from transit_server.api.decoding.large_bodies import LONG, SMALL, with_pauses
from transit_server.api.decoding.rows import decode
from transit_server.api.decoding.size_guard import count
from transit_server.errors import ClientMistake, InvalidInput, MalformedBody

# No string has this in it: its quotes would be escaped.
_NAME = b'"data"'
_LONG_LIST = 256  # bytes; there is one for each column
_LIST = re.compile(rb"[ \t\r\n]{0,64}:[ \t\r\n]{0,64}\[")
_MARK = re.compile(rb'"list ([0-9]{1,9})"')  # as data is a list, none is taken for a mark

_VALUES = msgspec.json.Decoder(list[Any])
_SPACE = b" \t\r\n"
_FLAT = bytes.maketrans(b"[]", b"  ")
_NO_NUMBERS = re.compile(rb'["{}]')
_MISPLACED = re.compile(rb"[^\[,]\[|\][^\],]|\[[\],]|,\]")


@dataclass(frozen=True, slots=True)
class Outline:
    """The JSON with a mark for each list that was cut out, and those."""

    text: bytes
    lists: list[memoryview]

    def restored(self, data: msgspec.Raw) -> msgspec.Raw:
        """The data as it was sent."""
        mark = _MARK.fullmatch(data)
        if mark is None or int(mark[1]) >= len(self.lists):
            return data
        return msgspec.Raw(self.lists[int(mark[1])])


def cut_out(text: bytes) -> Outline:
    """Every list of numbers, flat or nested, that is the value of a field `data` and long. What
    has texts or objects in it stays where it is.
    """
    whole = memoryview(text)
    kept: list[bytes | memoryview] = []
    lists: list[memoryview] = []
    done = place = 0
    while (place := text.find(_NAME, place)) >= 0:
        place += len(_NAME)
        opened = _LIST.match(text, place)
        if opened is None:
            continue
        start = opened.end() - 1
        end = text.rfind(b"]", start, _end_of_numbers(text, start)) + 1
        cut = whole[start:end]
        if len(cut) > _LONG_LIST and count(cut, b"[") == count(cut, b"]"):
            kept += (whole[done:start], b'"list %d"' % len(lists))
            lists.append(cut)
            done = place = end
    kept.append(whole[done:])
    return Outline(b"".join(kept), lists)


def _end_of_numbers(text: bytes, start: int) -> int:
    """Where the next text or object begins, or this object ends."""
    quote = text.find(b'"', start)
    quote = len(text) if quote < 0 else quote
    end = text.find(b"}", start, quote)
    return quote if end < 0 else end


def pieces(text: bytes, field: str, deepest: int) -> Iterator[list[Any]]:
    """The values of a list, flat or nested at most `deepest` deep, in their order. Raises
    `ClientMistake`.
    """
    depth, start = 0, 0
    for stop in with_pauses(_stops(text)):
        if stop - start > LONG:
            raise InvalidInput("has far more in it than numbers", field=field)
        piece = text[start:stop]
        if _NO_NUMBERS.search(piece):
            raise InvalidInput("holds something else than numbers", field=field)
        depth = _checked(piece.translate(None, _SPACE), depth, deepest, field)
        if (depth == 0) != (stop == len(text)):
            raise MalformedBody("the body is not JSON: brackets don't match", field=field)
        try:
            yield decode(_VALUES, b"[" + piece.translate(_FLAT) + b"]")
        except ClientMistake as mistake:
            raise type(mistake)(mistake.message, field=field) from None  # without its place
        start = stop + 1


def _stops(text: bytes) -> Iterator[int]:
    """Where each piece ends: at a comma, or with the text."""
    stop = 0
    while stop < len(text):
        comma = text.find(b",", stop + SMALL)
        stop = len(text) if comma < 0 else comma
        yield stop


def _checked(tight: bytes, depth: int, deepest: int, field: str) -> int:
    """How deep the end of a piece without white space is, which begins `depth` deep."""
    if not tight or _MISPLACED.search(b",%b," % tight):
        text = "the body is not JSON: a bracket or a comma is misplaced, or a list is empty"
        raise MalformedBody(text, field=field)
    characters = np.frombuffer(tight, np.uint8)
    steps = (characters == ord("[")).astype(np.int8) - (characters == ord("]")).astype(np.int8)
    depths = depth + np.cumsum(steps)
    if depths.max() > deepest:
        raise InvalidInput("is nested deeper than its shape", field=field)
    if depths[:-1].size and depths[:-1].min() < 1:
        raise MalformedBody("the body is not JSON: brackets don't match", field=field)
    return int(depths[-1])
