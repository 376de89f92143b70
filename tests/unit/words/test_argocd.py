"""Argo CD's Lua on what the operator's rules leave: health, which actions there are, what they do.

A Lua of the same version runs it here, with no more of a library than Argo CD gives to scripts from
a ConfigMap; `tests/gitops/test_lua.py` has Argo CD itself run the same tables.
"""

import re
from typing import Any

import pytest
import yaml
from lupa.lua51 import LuaRuntime, lua_type

from dev.gitops import customization
from tests.unit.argocd import render
from transit_operator.core.decide import decide
from transit_operator.core.rules.changes import COMMAND_IGNORED
from transit_operator.core.rules.commands import HANDLERS

FOLDER = customization.FOLDER
HEALTH: list[dict[str, Any]] = yaml.safe_load((FOLDER / "health_test.yaml").read_text())["tests"]
ACTIONS: dict[str, list[dict[str, Any]]] = yaml.safe_load(
    (FOLDER / "actions" / "action_test.yaml").read_text()
)
# Base and table library; `os` by require, with two of its functions (util/lua/lua.go of argo-cd).
SANDBOX = """
local known = os
local safe = {time = known.time, date = known.date}
require = function(name) assert(name == "os", name) return safe end
for _, name in ipairs({"os", "io", "string", "math", "debug", "coroutine", "package", "python"}) do
  _G[name] = nil
end
getmetatable("").__index = nil
"""


def run(script: str, obj: dict[str, Any]) -> Any:
    """Return what a script returns for an object."""
    lua = LuaRuntime(register_eval=False, register_builtins=False)
    lua.execute(SANDBOX)
    lua.globals()["obj"] = lua.table_from(obj, recursive=True)
    return plain(lua.execute((FOLDER / script).read_text()))


def plain(value: Any) -> Any:
    """Return a Lua value as Python has it; a table of 1, 2, … is a list."""
    if lua_type(value) != "table":
        return value
    found = {key: plain(one) for key, one in value.items()}
    numbered = list(found) == list(range(1, len(found) + 1))
    return list(found.values()) if found and numbered else found


def read(name: str) -> dict[str, Any]:
    """Return a resource that a table names."""
    found: dict[str, Any] = yaml.safe_load((FOLDER / "actions" / name).read_text())
    return found


@pytest.mark.parametrize("case", HEALTH, ids=lambda case: case["inputPath"])
def test_health(case: dict[str, Any]) -> None:
    obj = yaml.safe_load((FOLDER / case["inputPath"]).read_text())
    assert run("health.lua", obj) == case["healthStatus"]


def test_every_resource_has_its_health() -> None:
    tried = {FOLDER / case["inputPath"] for case in HEALTH}
    assert tried == {file for file in render.files() if file.parent == render.TESTDATA}


@pytest.mark.parametrize("case", ACTIONS["discoveryTests"], ids=lambda case: case["inputPath"])
def test_discovery(case: dict[str, Any]) -> None:
    found = run("actions/discovery.lua", read(case["inputPath"]))
    listed = [{"name": name, **said} for name, said in found.items()]
    assert sorted(listed, key=lambda one: one["name"]) == sorted(
        case["result"], key=lambda one: one["name"]
    )


@pytest.mark.parametrize("name", render.WORLDS)
def test_what_is_disabled_is_what_the_operator_would_ignore(name: str) -> None:
    world = render.WORLDS[name]()
    found = run("actions/discovery.lua", render.given(world))
    for verb in render.VERBS:
        world.action = f"{verb}/another"
        told = decide(world.observed()).transitions
        ignored = any(transition.reason == COMMAND_IGNORED for transition in told)
        assert found[verb]["disabled"] is ignored, verb


@pytest.mark.parametrize("case", ACTIONS["actionTests"], ids=lambda case: case["action"])
def test_action(case: dict[str, Any]) -> None:
    verb = case["action"]
    assert verb in HANDLERS, "the operator has no such command"
    found = run(f"actions/{verb}/action.lua", read(case["inputPath"]))
    said = found["metadata"]["annotations"][render.ACTION]
    assert re.fullmatch(rf"{verb}/\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ", said)
    expected = read(case["expectedOutputPath"])["metadata"]
    found["metadata"]["annotations"][render.ACTION] = f"{verb}/{render.TIME}"
    assert found["metadata"] == expected


def test_every_action_is_discovered_and_tried() -> None:
    tried = [case["action"] for case in ACTIONS["actionTests"]]
    discovered = [one["name"] for one in ACTIONS["discoveryTests"][0]["result"]]
    assert sorted(tried) == sorted(discovered) == customization.verbs() == sorted(render.VERBS)


def test_other_annotations_stay() -> None:
    obj = read("../testdata/progressing_step.yaml")
    obj["metadata"]["annotations"] = {"team": "ml", render.ACTION: "pause/1"}
    kept = run("actions/abort/action.lua", obj)["metadata"]["annotations"]
    assert kept["team"] == "ml"
    assert kept[render.ACTION].startswith("abort/")


def test_the_resources_are_as_the_operator_leaves_them() -> None:
    for file, text in render.files().items():
        assert file.read_text() == text, f"{file.name}: if it is meant, run `make golden`"


def test_the_configmap_is_made_of_the_files() -> None:
    assert customization.CONFIGMAP.read_text() == customization.configmap(), "run `make argocd`"
    data = yaml.safe_load(customization.configmap())["data"]
    health = data[f"resource.customizations.health.{customization.KEY}"]
    assert health == (FOLDER / "health.lua").read_text()
    actions = yaml.safe_load(data[f"resource.customizations.actions.{customization.KEY}"])
    scripts = {one["name"]: one["action.lua"] for one in actions["definitions"]}
    assert scripts == {
        verb: (FOLDER / "actions" / verb / "action.lua").read_text()
        for verb in customization.verbs()
    }
    discovery = (FOLDER / "actions" / "discovery.lua").read_text()
    assert actions["discovery.lua"] == discovery
