"""Readings as Prometheus would give them, built from what a test says of a revision."""

from collections.abc import Mapping

from transit_operator.core.observed import RevisionReadings, Sample

MODEL = "forest"


def measured(*groups: Mapping[str, tuple[Sample, ...]]) -> RevisionReadings:
    """Return the readings of one revision, of some groups of samples."""
    found: dict[str, tuple[Sample, ...]] = {}
    for group in groups:
        for name, samples in group.items():
            found[name] = found.get(name, ()) + samples
    return RevisionReadings(found)


def without(readings: RevisionReadings, name: str) -> RevisionReadings:
    """Return readings in which a query (predictions, latencies, classes) found nothing."""
    return RevisionReadings({n: s for n, s in readings.samples.items() if n != name})


def with_only(readings: RevisionReadings, more: RevisionReadings) -> RevisionReadings:
    """Return readings in which the queries that `more` has are as they are there."""
    return RevisionReadings({**readings.samples, **more.samples})


def predictions(
    success: float = 0, error: float = 0, invalid: float = 0, model: str = MODEL, **others: float
) -> dict[str, tuple[Sample, ...]]:
    """Return counts by status."""
    counts = {"success": success, "error": error, "invalid": invalid, **others}
    return {"predictions": tuple(({"model": model, "status": s}, v) for s, v in counts.items())}


def latencies(
    p95: float, median: float, samples: float, outer: float | None = None, model: str = MODEL
) -> dict[str, tuple[Sample, ...]]:
    """Return a histogram with exactly this median, 90 % quantile (`outer`) and 95 % quantile."""
    bounds = {median: 0.5 * samples, p95: 0.95 * samples}
    if outer is not None:
        bounds[outer] = 0.9 * samples
    rising: dict[float, float] = {}
    for bound in sorted(bounds):  # of equal bounds the highest count is theirs
        rising[bound] = max([bounds[bound], *rising.values()])
    les = [(repr(bound), count) for bound, count in rising.items()]
    les += [(repr(2 * max(bounds)), samples), ("+Inf", samples)]
    return {"latencies": tuple(({"model": model, "le": le}, count) for le, count in les)}


def predicted(counts: Mapping[str, float], model: str = MODEL) -> dict[str, tuple[Sample, ...]]:
    """Return counts by class."""
    return {"classes": tuple(({"model": model, "class": c}, v) for c, v in counts.items())}


def libraries(**models: float) -> dict[str, tuple[Sample, ...]]:
    """Return for each model how many of its libraries differ."""
    return {"dependencies": tuple(({"model": m}, value) for m, value in models.items())}


def labelled(correct: float, wrong: float) -> dict[str, tuple[Sample, ...]]:
    """Return counts of feedback."""
    return {"feedback": (({"outcome": "correct"}, correct), ({"outcome": "wrong"}, wrong))}
