"""How a HubSpot account is asked: its settings, and its errors as ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import urllib3.exceptions

# The package as a whole imports every API of HubSpot; these three are a tenth of that.
from hubspot.crm import contacts, objects, properties

from connectors.config import setting
from connectors.errors import ConnectorError, Refused, Unavailable

T = TypeVar("T")

VENDOR_NAME = "hubspot"

# Seconds until a quota opens again, by the policyName of a 429: HubSpot sends no
# Retry-After that could be relied on. Search has 5 requests a second per account.
BACKOFF = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 3600.0}

MISSING_PROPERTY = "PROPERTY_DOESNT_EXIST"


@dataclass(frozen=True)
class Config:
    access_token: str = setting("Clé de service ou jeton d'application privée", secret=True)
    base_url: str = setting("Adresse de l'API", default="https://api.hubapi.com")
    timeout: str = setting("Attente maximale d'une réponse, en secondes", default="5")
    country: str = setting("Pays des numéros écrits sans indicatif", default="FR")
    currency: str = setting("Monnaie du total dépensé", default="EUR")
    segment: str = setting("Propriété : segment", default="customer_segment")
    orders: str = setting("Propriété : nombre de commandes", default="total_orders")
    spent: str = setting("Propriété : total dépensé", default="total_spent")
    usual_size: str = setting("Propriété : taille habituelle", default="usual_size")
    preferred_channel: str = setting("Propriété : canal préféré", default="preferred_channel")
    language: str = setting("Propriété : langue", default="hs_language")
    consents: str = setting(
        "Propriété : canaux acceptés pour la prospection, séparés par « ; »",
        default="marketing_consents",
    )
    last_order: str = setting("Propriété : date de la dernière commande", default="last_order_date")
    key: str = setting(
        "Propriété unique des tickets et des notes : notre référence", default="coccinelle_key"
    )
    ticket_pipeline: str = setting("Pipeline des tickets", default="0")
    ticket_stage: str = setting("Étape d'un nouveau ticket", default="1")


def configure(module: Any, config: Config) -> Any:
    """The `ApiClient` of one of HubSpot's packages: each has its own."""
    configuration = module.Configuration(host=config.base_url.rstrip("/"))
    configuration.access_token = config.access_token
    # Left unset, urllib3 would try three times more, each with the whole timeout.
    configuration.retries = urllib3.Retry(0, redirect=False)
    return module.ApiClient(configuration)


def call(ask: Callable[[], T], has: str = "id") -> T:
    """The answer, which `has` this field: the SDK makes an empty one of what it cannot read.

    Raises Unavailable (5xx, 429, timeouts, not an answer) or Refused (any other 4xx).
    HubSpot's errors quote e-mails and numbers: neither texts nor causes go further.
    """
    try:
        answer = ask()
    except (contacts.ApiException, objects.ApiException, properties.ApiException) as error:
        raise _refusal(error) from None
    except urllib3.exceptions.HTTPError as error:
        raise Unavailable(f"hubspot: {type(error).__name__}", vendor=VENDOR_NAME) from None
    except ValueError:
        raise Unavailable("hubspot: the answer is not JSON", vendor=VENDOR_NAME) from None
    if getattr(answer, has, None) is None:
        raise Unavailable(f"hubspot: the answer has no {has}", vendor=VENDOR_NAME)
    return answer


def _refusal(error: Any) -> ConnectorError:
    status = int(error.status or 0)
    try:
        body = json.loads(error.body or "{}")
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    code = str(body.get("category") or body.get("errorType") or status)
    if status == 400 and MISSING_PROPERTY in str(body.get("message")):
        code = MISSING_PROPERTY
    text = f"hubspot: HTTP {status}, {code}"
    if status == 429:
        wait = BACKOFF.get(str(body.get("policyName")), BACKOFF["SECONDLY"])
        return Unavailable(text, vendor=VENDOR_NAME, code=code, retry_after=wait)
    if status == 0 or status >= 500:  # 0: the TLS handshake failed
        return Unavailable(text, vendor=VENDOR_NAME, code=code)
    return Refused(text, vendor=VENDOR_NAME, code=code)
