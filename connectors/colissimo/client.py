"""What both services of La Poste share: the settings, and one HTTP session a thread."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy

import requests

from connectors.config import setting

VENDOR_NAME = "colissimo"

_local = threading.local()


@dataclass(frozen=True)
class Config:
    okapi_key: str = setting("Clé Okapi du portail La Poste Developer (suivi)", secret=True)
    contract_number: str = setting("Numéro de contrat Colissimo (étiquettes)", default="")
    password: str = setting("Mot de passe de la Colissimo Box", secret=True, default="")
    api_key: str = setting("Clé API Colissimo, au lieu du mot de passe", secret=True, default="")
    base_url: str = setting("Adresse du suivi", default="https://api.laposte.fr")
    labels_url: str = setting("Adresse des étiquettes", default="https://ws.colissimo.fr")
    timeout: str = setting("Attente maximale d'une réponse, en secondes", default="5")
    labels_timeout: str = setting(
        "Attente maximale d'une étiquette, en secondes : sans réponse, elle est peut-être payée",
        default="20",
    )
    commercial_name: str = setting("Nom de la boutique sur les étiquettes", default="")


def session() -> requests.Session:
    """This thread's. It keeps no cookie: they would go from one shop to the next."""
    found: requests.Session | None = getattr(_local, "session", None)
    if found is None:
        found = _local.session = requests.Session()
        found.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return found
