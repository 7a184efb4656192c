"""Metrics by their definition, and samples that cannot spoil the whole answer.

A collector refuses an answer with one bad line as a whole: a sample that stands twice, or a label
that is no text. What agents send must not bring that about for other hosts, so it is held off here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
)

MAX_LABEL: Final = 128
"""Characters of a text that an agent chose."""


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric.

    Attributes:
        name: without the suffix of a counter or an info; it ends with the unit, if there is one.
        labels: their names; of a gauge histogram without `le`, of an info those that tell whose.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    unit: str = ""
    kind: Literal["gauge", "counter", "info", "histogram"] = "gauge"


Buckets = Sequence[tuple[str, float]]
"""Upper borders as text, the last one +Inf, with the number of values up to each."""

_Family = (
    GaugeMetricFamily | CounterMetricFamily | InfoMetricFamily | GaugeHistogramMetricFamily | Metric
)


class Families:
    """Samples by metric, put in one by one; of one that is put in twice the first stays."""

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}
        self._there: set[tuple[str, ...]] = set()

    def __iter__(self) -> Iterator[Metric]:
        return iter(self._families.values())

    def put(self, what: Definition, labels: Sequence[object], value: float | None) -> None:
        """One sample; none where the value is unknown, or is no number that can be told."""
        texts = tuple(map(text_of, labels))
        number = _number(value)
        if number is None or not self._is_new(what, texts):
            return
        family = self._family(what)
        assert isinstance(family, GaugeMetricFamily | CounterMetricFamily), "no other has a number"
        family.add_metric(texts, number)

    def put_info(self, what: Definition, labels: Sequence[object], **facts: str | None) -> None:
        """What is said in words of one thing; unknown facts are left out."""
        texts = tuple(map(text_of, labels))
        if self._is_new(what, texts):
            family = self._family(what)
            assert isinstance(family, InfoMetricFamily), "facts are an info"
            told = {name: text_of(fact) for name, fact in facts.items() if fact is not None}
            family.add_metric(texts, told)

    def put_buckets(
        self, what: Definition, labels: Sequence[object], buckets: Buckets, total: float
    ) -> None:
        """Values by size, and their sum."""
        texts = tuple(map(text_of, labels))
        if self._is_new(what, texts):
            family = self._family(what)
            assert isinstance(family, GaugeHistogramMetricFamily), "buckets are a histogram"
            family.add_metric(texts, buckets, total)

    def _is_new(self, what: Definition, texts: tuple[str, ...]) -> bool:
        key = (what.name, *texts)
        if key in self._there:
            return False
        self._there.add(key)
        return True

    def _family(self, what: Definition) -> _Family:
        family = self._families.get(what.name)
        if family is None:
            family = self._families[what.name] = _family_of(what)
        return family


def _family_of(what: Definition) -> _Family:
    match what.kind:
        case "gauge":
            return GaugeMetricFamily(what.name, what.help, labels=what.labels, unit=what.unit)
        case "counter":
            return CounterMetricFamily(what.name, what.help, labels=what.labels, unit=what.unit)
        case "info":
            return InfoMetricFamily(what.name, what.help, labels=what.labels)
        case "histogram":
            return GaugeHistogramMetricFamily(
                what.name, what.help, labels=what.labels, unit=what.unit
            )


def text_of(label: object) -> str:
    """A label's value as it may stand in an answer: text that UTF-8 can hold, of bounded length."""
    return str(label)[:MAX_LABEL].encode("utf-8", "replace").decode()


def _number(value: float | None) -> float | None:
    try:
        return None if value is None else float(value)
    except OverflowError:
        return None
