"""What a tab shows of one ModelDeployment, and what it must show by an object of the API server.

Both in one form, so that they can be held against each other. Nothing of the page's own code is
used: numbers are read out of the words that a person reads, as exactly as those are.
Neighbour: `asked` has the plots.
"""

import re

from playwright.sync_api import Page as Tab

from tests.support import Object

_READ = """() => {
  const text = (place, what) => {
    const found = place.querySelector(what);
    return found ? found.textContent.trim().replace(/\\s+/g, " ") : "";
  };
  const all = (what, read) => [...document.querySelectorAll(what)].map(read);
  return {
    name: text(document, "h1"),
    phase: text(document, ".title .phase").split(" ").pop(),
    message: text(document, ".message"),
    revisions: all(".revision", (card) => ({
      role: text(card, "h3"),
      models: text(card, ".models"),
      revision: text(card, ".hash"),
      weight: text(card, ".weight .number"),
    })),
    step: text(document, ".card.step h3"),
    signals: all("#signals tbody tr", (row) => ({
      signal: text(row, "th"),
      verdict: text(row, ".verdict").split(" ").pop(),
      value: text(row, "[data-label=Value]"),
      message: text(row, ".words"),
    })),
    answer: text(document, "#answer h2"),
    history: all(".timeline .event", (one) => text(one, "p")),
  };
}"""
_QUANTITY = re.compile(r"(-?[\d.]+)(?: (%|ms|s))?")
_UNITS = {None: 1.0, "%": 0.01, "ms": 0.001, "s": 1.0}


def shown(tab: Tab) -> Object:
    """What stands on the page now."""
    found: Object = tab.evaluate(_READ)
    return found


def differs(page: Object, mdep: Object) -> list[str]:
    """Where a page is not as an object is; empty where it is the same in everything."""
    status = mdep["status"]
    expected = {
        "name": mdep["metadata"]["name"],
        "phase": status["phase"],
        "message": status["message"],
        "history": [one["message"] for one in reversed(status["history"])],
    }
    found = [f"{key}: {page[key]!r}, not {value!r}" for key, value in expected.items()
             if page[key] != value]  # fmt: skip
    found += _of_revisions(page, status)
    found += _of_signals(page["signals"], status.get("signals") or [])
    candidate = status.get("candidate")
    steps = len(mdep["spec"]["rollout"]["steps"])
    step = f"step {candidate['step']} of {steps}" if candidate else ""
    return found if page["step"] == step else [*found, f"step: {page['step']!r}, not {step!r}"]


def _of_revisions(page: Object, status: Object) -> list[str]:
    weights = {one["revision"]: f"{one['weight']} %" for one in status["traffic"]}
    found = []
    for role in ("stable", "candidate", "rejected"):
        there = status.get(role)
        as_standby = role == "stable" and (status.get("candidate") or {}).get("weight") == 100
        name = "standby" if as_standby else role
        cards = [one for one in page["revisions"] if one["role"] == name]
        if there is None or (role == "rejected" and not cards):
            found += [f"{name}: is shown, and there is none"] if cards else []
            continue
        models = ", ".join(f"{m['name']} {m['version']}" for m in there["models"])
        weight = weights.get(there["revision"], "0 %")
        expected = {"role": name, "models": models, "revision": there["revision"], "weight": weight}
        found += [] if cards == [expected] else [f"{name}: {cards}, not {expected}"]
    return found


def _of_signals(rows: list[Object], evidence: list[Object]) -> list[str]:
    if [one["signal"] for one in rows] != [one["signal"] for one in evidence]:
        return [f"signals: {rows}, not {evidence}"]
    found = []
    for row, one in zip(rows, evidence, strict=True):
        warns = one["verdict"] == "Fail" and one.get("mode") == "Warn"
        verdict = "Warning" if warns else one["verdict"]
        if (row["verdict"], row["message"]) != (verdict, one["message"]):
            found.append(f"{one['signal']}: {row}, not {one}")
        if not says(row["value"], one.get("value")):
            found.append(f"{one['signal']}: {row['value']!r} is not {one.get('value')}")
    return found


def says(text: str, value: float | None) -> bool:
    """Whether a text such as `3.9 %` or `12 ms` is this number, rounded as the text is."""
    if value is None:
        return text == "-"
    quantity = _QUANTITY.fullmatch(text)
    if quantity is None:
        return False
    number, unit = quantity[1], _UNITS[quantity[2]]
    last = 10.0 ** -len(number.partition(".")[2]) * unit
    whole = float(number) * unit
    # Three digits are shown at least; of large numbers those are tens or hundreds.
    return abs(whole - value) <= max(0.51 * last, 0.006 * abs(value))
