"""Metrics: what Prometheus' own parser reads of them is what was counted."""

from __future__ import annotations

from pathlib import Path

import pynetdicom
import pytest
from prometheus_client.parser import text_string_to_metric_families

from medvox.archive.model import Origin, Outcome, Received
from medvox.network.dimse.provider import ProviderSettings, Services, provider
from medvox.network.dimse.services.verification import VerificationService
from medvox.network.dimse.syntaxes import VERIFICATION
from medvox.network.upper_layer.negotiation import Admission, AssociationRequest, Refusal
from medvox.workflows.node.monitoring.measures import Measures
from medvox.workflows.node.monitoring.metrics import MOST_SERIES, Metrics


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Values by name and values of the labels, as another program reads them."""
    found = {}
    for family in text_string_to_metric_families(metrics.text()):
        for sample in family.samples:
            found[(sample.name, *sample.labels.values())] = sample.value
    return found


def test_counters_histograms_and_gauges_are_read_back() -> None:
    metrics = Metrics()
    metrics.counter("a_total", "Counts.").add(by=2.5)
    labeled = metrics.counter("b_total", "Counts.", "kind", "word")
    labeled.add("x", 'quo"te\\ and\nline')
    labeled.add("x", 'quo"te\\ and\nline', by=2)
    times = metrics.histogram("c_seconds", "Times.", "kind")
    for seconds in (0.0004, 0.001, 0.3, 100):
        times.add(seconds, "x")
    metrics.gauge("d", "Now.", lambda: 1e15 + 1)
    metrics.gauges("e", "Now.", "queue", lambda: {"send": 3, "verify": 0})
    metrics.gauge("broken", "Cannot be read.", lambda: 1 / 0)
    found = samples(metrics)
    assert found[("a_total",)] == 2.5
    assert found[("b_total", "x", 'quo"te\\ and\nline')] == 3
    assert [found[("c_seconds_bucket", "x", bound)] for bound in ("0.001", "0.25", "0.5", "60", "+Inf")] == [
        2, 2, 3, 3, 4,
    ]  # fmt: skip
    assert found[("c_seconds_sum", "x")] == pytest.approx(100.3014)
    assert found[("c_seconds_count", "x")] == 4
    assert found[("d",)] == 1e15 + 1
    assert (found[("e", "send")], found[("e", "verify")]) == (3, 0)


def test_labels_cannot_fill_the_memory() -> None:
    metrics = Metrics()
    counter = metrics.counter("a_total", "Counts.", "word")
    for n in range(5 * MOST_SERIES):
        counter.add(f"w{n}")
    found = samples(metrics)
    assert len(found) == MOST_SERIES + 1
    assert found[("a_total", "other")] == 4 * MOST_SERIES


class OnlyFriends:
    def admit(self, request: AssociationRequest) -> Admission:
        return Admission(None if request.calling_ae == "FRIEND" else Refusal.CALLING_AE)


@pytest.fixture
def measures() -> Measures:
    return Measures(Metrics())


@pytest.mark.net
def test_a_provider_is_measured(measures: Measures, tmp_path: Path) -> None:
    settings = ProviderSettings("1.2.3", observer=measures)
    with provider(Services([VerificationService()]), measures.counted(OnlyFriends()), settings) as acceptor:
        measures.watch(acceptor, tmp_path)
        for title, is_admitted in (("FRIEND", True), ("DOE^JANE", False)):
            peer = pynetdicom.AE(title)
            peer.add_requested_context(VERIFICATION)
            association = peer.associate("127.0.0.1", acceptor.port)
            assert association.is_established is is_admitted
            if is_admitted:
                assert association.send_c_echo().Status == 0
                assert samples(measures.metrics)[("medvox_associations_open",)] == 1
                association.release()
    found = samples(measures.metrics)
    assert found[("medvox_associations_total", "accepted")] == 1
    assert found[("medvox_associations_total", "refused")] == 1
    assert found[("medvox_dimse_seconds_count", "other")] == 1
    assert found[("medvox_association_seconds_count",)] == 1
    assert found[("medvox_storage_free_bytes",)] > 0
    assert "DOE" not in measures.metrics.text()
    assert "FRIEND" not in measures.metrics.text()


def test_received_instances_are_counted(measures: Measures) -> None:
    for outcome in (Outcome.STORED, Outcome.STORED, Outcome.SAME):
        measures.received(Received(outcome, "1.2", "1.3", "1.4", "1.5", "00"), Origin("DOE^JANE"))
    found = samples(measures.metrics)
    assert found[("medvox_instances_received_total", "stored")] == 2
    assert found[("medvox_instances_received_total", "same")] == 1
    assert "DOE" not in measures.metrics.text()
