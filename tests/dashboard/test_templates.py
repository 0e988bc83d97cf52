"""WhatsApp's templates at the desk, as the carrier lists them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from bot import templates, vault
from bot.db import transaction
from bot.models.templates import Template, approved_templates
from bot.models.tenants import Address, Connection
from connectors.sandbox.app import create_app
from connectors.sandbox.client import SandboxWorld
from tests.dashboard.cast import NOW, Cast, Person
from tests.dashboard.test_desk import words
from tests.dashboard.test_phone import serving

PAGE = "/desk/templates"


def template(n: int, name: str, approval: str) -> dict[str, Any]:
    sid = f"HX{n:032}"
    return {"sid": sid, "name": name, "body": f"Bonjour {{{{1}}}}, {name}.", "approval": approval}


@pytest.fixture
def world() -> Iterator[SandboxWorld]:
    with serving(create_app()) as url:
        found = SandboxWorld(url, "templates")
        listed(found, template(1, "adviser", "approved"), template(2, "back_in_stock", "pending"))
        yield found


def listed(world: SandboxWorld, *found: dict[str, Any]) -> None:
    account = {"account_sid": "AC1", "auth_token": "t"}
    world.replace({"twilio": {**account, "templates": list(found)}})


@pytest.fixture
def connection(cast: Cast, world: SandboxWorld) -> Connection:
    """Élégance Paris has WhatsApp by Twilio, which the sandbox plays."""
    shop = cast.elegance.id
    with transaction() as db:
        made = Connection(
            tenant_id=shop,
            vendor="twilio",
            key="elegance-paris",
            base_url=world.vendor_url("twilio"),
            settings={"account_sid": "AC1"},
            secrets=vault.encrypt({"auth_token": "t"}),
            updated_at=datetime.now(NOW.tzinfo),
        )
        db.add(made)
        db.flush()
        db.add(
            Address(
                tenant_id=shop,
                deployment_id=cast.deployments[shop].id,
                connection_id=made.id,
                channel="whatsapp",
                value="+33939035761",
                created_at=NOW,
            )
        )
        # What opened it is kept for some seconds, and every test's ids begin at 1
        db.flush()
    from bot.tenants import open_channel

    open_channel.cache.clear()
    return made


def refresh(person: Person, **options: Any) -> Any:
    return person.post(f"{PAGE}/refresh", **options)


def test_the_page_lists_what_the_carrier_has_with_its_approval(
    sarah: Person, connection: Connection, at_noon: datetime
) -> None:
    assert "Aucun modèle" in sarah.get(PAGE).text
    html = words(sarah.get(refresh(sarah).location).text)
    assert "Réponse de l’équipe français Bonjour {{1}}, adviser. Approuvé" in html
    assert "Retour en stock français Bonjour {{1}}, back_in_stock. En attente d’approbation" in html
    assert "lu chez l’opérateur aujourd’hui à 11 h 20" in html


def test_refreshing_takes_what_changed_and_drops_what_is_gone(
    sarah: Person, connection: Connection, world: SandboxWorld
) -> None:
    refresh(sarah)
    listed(world, template(2, "back_in_stock", "approved"), template(3, "thank_you", "rejected"))
    assert templates.refresh(connection.tenant_id) == 2
    with transaction() as db:
        assert approved_templates(connection.tenant_id, db, connection.id) == {
            "back_in_stock": f"HX{2:032}"
        }
    assert "Refusé ou suspendu" in sarah.get(PAGE).text


def test_when_the_carrier_is_down_those_last_read_stay(
    sarah: Person, connection: Connection, world: SandboxWorld
) -> None:
    refresh(sarah)
    world.fail("twilio", "down")
    answer = refresh(sarah)
    html = sarah.get(answer.location).text
    assert "ne donne pas ses modèles en ce moment" in html
    assert "adviser" in html
    assert refresh(sarah, headers={"X-Live": "1"}).status_code == 409


def test_another_shop_sees_none_and_refreshes_only_its_own(
    charlie: Person, sarah: Person, connection: Connection
) -> None:
    refresh(sarah)
    assert refresh(charlie).status_code == 302
    assert "Aucun modèle" in charlie.get(PAGE).text
    with transaction() as db:
        owners = set(db.scalars(select(Template.tenant_id)))
    assert owners == {connection.tenant_id}


def test_the_menu_has_templates_where_there_is_whatsapp(
    charlie: Person, sarah: Person, connection: Connection
) -> None:
    assert f'href="{PAGE}"' in sarah.get("/desk/").text
    assert f'href="{PAGE}"' not in charlie.get("/desk/").text


def test_only_tenants_on_whatsapp_are_read_by_the_hour(connection: Connection) -> None:
    with transaction() as db:
        assert templates.tenant_ids_on_whatsapp(db) == [connection.tenant_id]
