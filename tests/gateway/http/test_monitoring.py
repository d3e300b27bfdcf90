"""The dashboard and the alert rules ask for metrics and labels that gateways have."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.exchange.registry.settled import settle
from tests.gateway.http.test_metrics import scrape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.gateway.exchange import RunningExchange
    from tests.gateway.http.conftest import HttpClient

MONITORING = Path(__file__).parents[3] / "deploy" / "monitoring"
DASHBOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
ALERTS = (MONITORING / "alerts.yml").read_text(encoding="utf-8")


def expressions() -> Iterator[str]:
    """All that is asked of Prometheus."""
    yield from re.findall(r"^ +expr: (.+)$", ALERTS, re.MULTILINE)
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    yield from (annotation["expr"] for annotation in DASHBOARD["annotations"]["list"])


async def test_everything_that_is_asked_for_is_there(exchange: RunningExchange, http: HttpClient) -> None:
    """Each name, and each label that is selected or grouped by, is in what a gateway with some traffic answers."""
    client = await exchange.client("beta-key")
    await client.place_order(
        client_order_id="1", side="sell", instrument="RIMBA-19", price="10.00", quantity=10
    )
    await settle(exchange.dsn)
    await scrape(http)
    samples = await scrape(http)
    labels: dict[str, set[str]] = {
        "exchange_refusals_total": {"code", "name"},
        "exchange_connections_closed_total": {"reason"},
    }
    for name, found in samples:
        labels.setdefault(name, set()).update(label for label, _ in found)

    asked = list(expressions())
    names = {
        name for expression in asked for name in re.findall(r"\b(?:exchange|process)_[a-z_]+", expression)
    }
    assert len(asked) > 30
    assert set() == names - labels.keys()
    for expression in asked:
        (name, *_) = re.findall(r"\b(?:exchange|process)_[a-z_]+", expression) or ["up"]
        grouped = re.findall(r"by \(([a-z, ]+)\)", expression)
        wanted = {label.strip() for group in grouped for label in group.split(",")} - {""}
        assert wanted <= labels.get(name, set()), expression


def test_every_alert_says_what_to_do() -> None:
    """Each rule has a severity, a summary and a runbook; the runbooks that are named exist."""
    rules = ALERTS.split("- alert: ")[1:]
    assert len(rules) > 5
    for rule in rules:
        assert all(word in rule for word in ("expr:", "severity:", "summary:", "runbook:")), rule
        for runbook in re.findall(r"[a-z-]+\.md", rule):
            assert (MONITORING.parent / "runbooks" / runbook).is_file(), runbook
