"""La Poste: Suivi v2, where parcels are, and Colissimo's SLS, which makes labels.

A parcel's situations come from the world (parcels.py); what had come before the
first one told is made up, in the order in which parcels travel.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from flask import Blueprint, Response, request

from connectors.sandbox.failures import Failure, pause_if_slow, play
from connectors.sandbox.given import PARIS, State
from connectors.sandbox.parcels import move_parcel
from connectors.sandbox.pdf import make_page
from connectors.sandbox.web import answer_json, open_world
from connectors.sandbox.worlds import World

bp = Blueprint("laposte", __name__, url_prefix="/<name>/colissimo")

NUMBER = re.compile(r"[0-9A-Za-z]{11,15}")
MOST_NUMBERS = 10
PAGE = "https://www.laposte.fr/outils/suivre-vos-envois?code="

UNKNOWN = (104, "Nous ne parvenons pas à récupérer les informations relatives à votre envoi.")
# The official list has 101 and does not say what it means: a guess.
MALFORMED = (101, "Le numéro de suivi saisi n'est pas valide.")

# Situation -> code, step of the five, what La Poste says
EVENTS: Mapping[str, tuple[str, int, str]] = {
    "announced": ("DR1", 1, "Votre colis est en cours de préparation chez votre expéditeur."),
    "taken": ("PC1", 2, "Votre colis est pris en charge par La Poste."),
    "in_transit": ("ET1", 3, "Votre colis est en transit sur nos plateformes logistiques."),
    "delayed": ("DI3", 3, "La livraison de votre colis est retardée."),
    "problem": ("PB1", 3, "Votre colis a subi un incident pendant son acheminement."),
    "out_for_delivery": ("MD2", 4, "Votre colis est en cours de livraison."),
    "pickup_point": ("AG1", 4, "Votre colis vous attend dans votre point de retrait."),
    "delivered": ("DI1", 5, "Votre colis est livré."),
    "returned": ("DI2", 5, "Votre colis a été retourné à son expéditeur."),
}
STEPS = (
    "Annoncé par l'expéditeur",
    "Pris en charge",
    "En transit",
    "En cours de livraison",
    "Livré",
)
TROUBLES = frozenset({"delayed", "problem", "returned"})
OVER = frozenset({"delivered", "returned"})

# What goes before a situation told first: how long before it
USUAL_PATH = (("announced", timedelta(hours=30)), ("taken", timedelta(hours=20)))

Act = Callable[[World], Response]


@bp.get("/suivi/v2/idships/<numbers>")
def track(name: str, numbers: str) -> Response:
    return _play(open_world(name), "track", lambda world: _track(world, numbers))


def set_parcel(world: World, number: str, situation: Mapping[str, Any]) -> State:
    """`{status, expected?, at?, pickup_point?}`: what happened to it, at the world's time
    when `at` is not given; a parcel that was not there is there then. Raises BadDocument."""
    with world.lock:
        parcels = world.state["parcels"]
        parcel: State = parcels.get(number) or {"number": number, "history": []}
        move_parcel(parcel, situation, world.now().isoformat())
        parcels[number] = parcel
        world.touch()
        return parcel


def _play(world: World, operation: str, act: Act) -> Response:
    def run(failure: Failure | None) -> Response:
        pause_if_slow(failure)
        return act(world) if _knows_key(world) else _answer_gateway(401)

    refusals = {
        "down": lambda: _answer_gateway(503),
        "throttled": lambda: _answer_gateway(429),
        "unauthorized": lambda: _answer_gateway(401),
    }
    return play(world, "colissimo", operation, run, refusals)


def _knows_key(world: World) -> bool:
    return _is_same(
        request.headers.get("X-Okapi-Key"), world.settings.get("colissimo", {}).get("okapi_key")
    )


GATEWAY = {401: "UNAUTHORIZED", 429: "TOO_MANY_REQUESTS", 503: "SERVICE_UNAVAILABLE"}


def _answer_gateway(status: int) -> Response:
    message = "Le service ne peut pas répondre à cette demande."
    return answer_json({"code": GATEWAY[status], "message": message}, status)


# --- tracking ----------------------------------------------------------------------------


def _track(world: World, numbers: str) -> Response:
    """An object for one number; for several, each in an envelope of its own."""
    asked = numbers.split(",")[:MOST_NUMBERS]
    answers = [_find(world, number) for number in asked]
    if len(answers) > 1:
        return answer_json([envelope for _, envelope in answers], 207)
    status, envelope = answers[0]
    return answer_json(envelope, status)


def _find(world: World, number: str) -> tuple[int, State]:
    with world.lock:
        parcel = world.state["parcels"].get(number.upper())
        if not NUMBER.fullmatch(number):
            return 400, _refuse(number, *MALFORMED)
        if parcel is None:
            return 404, _refuse(number, *UNKNOWN)
        return 200, {**_envelope(), "returnCode": 200, "shipment": _describe(parcel)}


def _envelope() -> State:
    return {"lang": request.args.get("lang", "fr_FR"), "scope": "open"}


def _refuse(number: str, code: int, message: str) -> State:
    return {**_envelope(), "returnCode": code, "returnMessage": message, "idShip": number}


def _describe(parcel: State) -> State:
    path = _path(parcel)
    status, at = path[-1]
    taken = next((when for name, when in path if name == "taken"), None)
    times = {
        "entryDate": taken,
        "deliveryDate": at if status == "delivered" else None,
        "estimDate": None if status in OVER else _in_paris(parcel.get("expected")),
    }
    point = {"name": parcel["pickup_point"], "type": "A2P"} if parcel.get("pickup_point") else {}
    return {
        "idShip": parcel["number"],
        "holder": 4,
        "product": "Colissimo",
        "isFinal": status in OVER,
        **{name: _write_time(time) for name, time in times.items() if time},
        "url": PAGE + parcel["number"],
        "timeline": _draw_timeline(path),
        "event": [
            {"code": EVENTS[name][0], "label": EVENTS[name][2], "date": _write_time(when)}
            for name, when in reversed(path)
        ],
        "contextData": {
            "deliveryChoice": {"deliveryChoice": 0},
            "originCountry": "FR",
            "arrivalCountry": "FR",
            "removalPoint": point,
            "partner": {},
        },
    }


def _path(parcel: State) -> list[tuple[str, datetime]]:
    """All that happened to it, the oldest first."""
    told = [
        (s["status"], datetime.fromisoformat(s["at"]).astimezone(PARIS)) for s in parcel["history"]
    ]
    first, start = told[0]
    if first == "announced":
        return told
    announced = _in_paris(parcel.get("announced_at"))
    before = [(name, start - ago) for name, ago in USUAL_PATH]
    if announced and announced < start:
        before = [("announced", announced), ("taken", announced + (start - announced) / 2)]
    if first in {"in_transit", "delayed", "problem"}:
        return [*before, *told]
    return [*before, ("in_transit", start - (start - before[-1][1]) / 2), *told]


def _in_paris(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(PARIS) if text else None


def _write_time(time: datetime) -> str:
    return time.isoformat(timespec="seconds")


def _draw_timeline(path: list[tuple[str, datetime]]) -> list[State]:
    reached = {EVENTS[name][1]: when for name, when in reversed(path)}
    now = EVENTS[path[-1][0]][1]
    steps: list[State] = []
    for n, label in enumerate(STEPS, start=1):
        step: State = {"id": n, "shortLabel": label, "status": n <= now, "type": 1}
        if n == now:
            name, when = path[-1]
            step |= {"longLabel": EVENTS[name][2], "date": _write_time(when), "country": ""}
            step["type"] = -1 if name in TROUBLES else 1
        elif n in reached and n < now:
            step["date"] = _write_time(reached[n])
        steps.append(step)
    return steps


# --- labels ------------------------------------------------------------------------------


# La Poste's own plugin shows the form of these; of its numbers only 0 (done) is sure.
DONE = ("0", "La requête a été traitée avec succès")
STRANGER = ("30000", "Identifiant ou mot de passe incorrect")
INTERNAL = ("30999", "Une erreur interne est survenue")
PRODUCTS = {"CORE": True, "CORI": False}  # return -> whether from France to France

PARCEL_NUMBER = "8R{:011d}"
FIRST_NUMBER = 70000000001
DATE = re.compile(r"\d{4}-\d\d-\d\d")
ZIP = re.compile(r"\d{5}")
LINE, MOST_KG = 35, 30


@bp.post("/sls-ws/SlsServiceWSRest/2.0/generateLabel")
def generate_label(name: str) -> Response:
    world = open_world(name)

    def run(failure: Failure | None) -> Response:
        if failure is not None and failure.mode == "failed_attempt":
            return _refuse_label(500, *INTERNAL)
        pause_if_slow(failure)
        return _make_label(world)

    refusals = {
        "down": lambda: _answer_gateway(503),
        "throttled": lambda: _answer_gateway(429),
        "unauthorized": lambda: _refuse_label(401, *STRANGER),
    }
    return play(world, "colissimo", "generateLabel", run, refusals)


def _make_label(world: World) -> Response:
    """Franks one, each time: there is no key that would make it once."""
    asked = request.get_json(silent=True)
    if not isinstance(asked, dict) or not _knows_contract(world, asked):
        return _refuse_label(401 if isinstance(asked, dict) else 400, *STRANGER)
    letter = asked.get("letter")
    if problem := _find_label_problem(letter if isinstance(letter, dict) else {}):
        return _refuse_label(400, *problem)
    assert isinstance(letter, dict)
    with world.lock:
        labels = world.state["labels"]
        number = PARCEL_NUMBER.format(FIRST_NUMBER + len(labels))
        labels.append(_describe_label(number, letter, world.now()))
        set_parcel(world, number, {"status": "announced"})
    page = make_page(_write_label(number, letter))
    done = {"id": DONE[0], "type": "INFOS", "messageContent": DONE[1]}
    made = {"parcelNumber": number, "parcelNumberPartner": None, "pdfUrl": None}
    infos = {"messages": [done], "labelXmlV2Reponse": None, "labelV2Response": made}
    return _answer_parts(infos, 200, page)


def _knows_contract(world: World, asked: State) -> bool:
    """By the API key, or the contract's number and password in the body."""
    settings = world.settings.get("colissimo", {})
    if "apiKey" in request.headers:
        return _is_same(request.headers["apiKey"], settings.get("api_key"))
    number = _is_same(asked.get("contractNumber"), settings.get("contract_number"))
    return number and _is_same(asked.get("password"), settings.get("password"))


def _is_same(given: Any, secret: Any) -> bool:
    """Never, where the world has no such secret."""
    told = str(given or "").encode()
    return bool(secret) and hmac.compare_digest(told, str(secret).encode())


def _find_label_problem(letter: State) -> tuple[str, str] | None:
    """What La Poste would not take: number and text of its message."""
    service, parcel = _part(letter, "service"), _part(letter, "parcel")
    if str(service.get("productCode")) not in PRODUCTS:
        return "30100", "Le code produit est incorrect"
    if not DATE.fullmatch(str(service.get("depositDate"))):
        return "30103", "La date de dépôt est incorrecte"
    weight = parcel.get("weight")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= MOST_KG:
        return "30104", "Le poids du colis est incorrect"
    countries = set()
    for who in ("sender", "addressee"):
        address = _part(_part(letter, who), "address")
        countries.add(str(address.get("countryCode")))
        named = address.get("companyName") or address.get("lastName")
        if not named or not all(address.get(name) for name in ("line2", "city", "zipCode")):
            return "30200", f"L'adresse est incomplète ({who})"
        if any(len(str(address.get(name) or "")) > LINE for name in ("line2", "line3", "city")):
            return "30201", f"Une ligne de l'adresse est trop longue ({who})"
        if address.get("countryCode") == "FR" and not ZIP.fullmatch(str(address["zipCode"])):
            return "30202", f"Le code postal {address['zipCode']} est incorrect ({who})"
    if PRODUCTS[service["productCode"]] != (countries == {"FR"}):
        return "30101", "Le produit ne dessert pas ces pays"
    return None


def _part(of: State, name: str) -> State:
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def _describe_label(number: str, letter: State, now: datetime) -> State:
    service = letter["service"]
    return {
        "at": now.isoformat(),
        "parcel_number": number,
        "order_number": service.get("orderNumber"),
        "reference": letter["sender"].get("senderParcelRef"),
        "product": service["productCode"],
        "weight": letter["parcel"]["weight"],
        "deposit_on": service["depositDate"],
        "sender": letter["sender"]["address"],
        "addressee": letter["addressee"]["address"],
    }


def _write_label(number: str, letter: State) -> list[str]:
    lines = ["COLISSIMO RETOUR", number, f"Commande {letter['service'].get('orderNumber', '')}"]
    lines.append(f"Référence {letter['sender'].get('senderParcelRef', '')}")
    for title, who in (("Expéditeur", "sender"), ("Destinataire", "addressee")):
        address = letter[who]["address"]
        name = (address.get(n) for n in ("companyName", "firstName", "lastName"))
        lines += ["", title, " ".join(filter(None, name))]
        lines += [address[line] for line in ("line2", "line3") if address.get(line)]
        lines.append(f"{address['zipCode']} {address['city']} {address.get('countryCode', '')}")
    return lines


def _refuse_label(status: int, id: str, text: str) -> Response:
    message = {"id": id, "type": "ERROR", "messageContent": text}
    return _answer_parts({"messages": [message], "labelV2Response": None}, status)


def _answer_parts(infos: State, status: int, label: bytes | None = None) -> Response:
    boundary = f"uuid:{uuid4()}"
    parts = [("application/json;charset=UTF-8", "jsonInfos", answer_json(infos).get_data())]
    if label is not None:
        parts.append(("application/octet-stream", "label", label))
    body = b"".join(
        f"--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: binary\r\n"
        f"Content-ID: <{name}>\r\n\r\n".encode()
        + content
        + b"\r\n"
        for kind, name, content in parts
    )
    content_type = 'multipart/related; type="application/json"; start="<jsonInfos>"; '
    content_type += f'boundary="{boundary}"'
    return Response(body + f"--{boundary}--\r\n".encode(), status, content_type=content_type)
