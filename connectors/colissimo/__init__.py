"""Colissimo: where parcels are, and return labels. How to connect an account: doc.md."""

from __future__ import annotations

from connectors.colissimo.client import Config
from connectors.colissimo.labels import ColissimoLabels
from connectors.colissimo.tracking import ColissimoTracking
from connectors.registry import Vendor

VENDOR = Vendor(config=Config, ports={"tracking": ColissimoTracking, "labels": ColissimoLabels})
