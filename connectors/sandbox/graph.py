"""Shopify's Admin schema, the part in schema.graphql, over a world's state.

Values are dicts; graphql-core calls the functions in them for fields with arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    FieldNode,
    GraphQLError,
    GraphQLResolveInfo,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    execute_sync,
    get_directive_values,
    get_operation_ast,
    parse,
    validate,
)

from connectors.sandbox.connections import connect
from connectors.sandbox.documents import LOCATION_ID, State, quantities
from connectors.sandbox.failures import Failure
from connectors.sandbox.moves import move_quantities
from connectors.sandbox.order_graph import Views, build_fields
from connectors.sandbox.search import Term, holds, words
from connectors.sandbox.worlds import World

SCHEMA = build_schema((Path(__file__).parent / "schema.graphql").read_text("utf-8"))

Info = GraphQLResolveInfo[Any]

METAFIELD_TYPES = {"goes_with": "multi_line_text_field"}


@dataclass(frozen=True)
class Asked:
    """A request that was read and is valid."""

    document: DocumentNode
    operation: OperationDefinitionNode

    @property
    def changes(self) -> bool:
        return self.operation.operation is OperationType.MUTATION

    @property
    def field(self) -> str:
        """The name of the last field at the top, by which failures are ordered."""
        last = self.operation.selection_set.selections[-1]
        return last.name.value if isinstance(last, FieldNode) else "fragment"


@lru_cache(maxsize=256)
def read_request(query: str, operation_name: str | None) -> Asked | tuple[GraphQLError, ...]:
    """The request, or what is wrong with it."""
    try:
        document = parse(query, max_tokens=10_000)
    except GraphQLError as error:
        return (error,)
    if errors := validate(SCHEMA, document):
        return tuple(errors)
    operation = get_operation_ast(document, operation_name)
    if operation is None:
        return (GraphQLError("An operation name is required"),)
    return Asked(document, operation)


def run_request(
    world: World, asked: Asked, variables: Mapping[str, Any], failure: Failure | None
) -> ExecutionResult:
    """Raises nothing of its own; what `moves.AttemptFailed` raises is in the errors."""
    name = asked.operation.name.value if asked.operation.name else None
    return execute_sync(
        SCHEMA,
        asked.document,
        root_value=_root(world, failure),
        variable_values=dict(variables),
        operation_name=name,
    )


def _root(world: World, failure: Failure | None) -> State:
    def locations(info: Info, **page: Any) -> State:
        return connect([_location(world)], page)

    def products(info: Info, query: str | None = None, **page: Any) -> State:
        found = [p for p in world.state["products"] if _matches(p, p["variants"], query)]
        return connect(found, page, lambda p: _product(world, p))

    def variants(info: Info, query: str | None = None, **page: Any) -> State:
        pairs = [(p, v) for p in world.state["products"] for v in p["variants"]]
        found = [pair for pair in pairs if _matches(pair[0], [pair[1]], query)]
        return connect(found, page, lambda pair: _variant(world, *pair))

    def node(info: Info, id: str) -> State | None:
        return _node(world, id) or find_order(id)

    def move(info: Info, input: Mapping[str, Any]) -> State:
        directive = SCHEMA.get_directive("idempotent")
        assert directive is not None
        given = get_directive_values(directive, info.field_nodes[0], info.variable_values)
        return _payload(world, move_quantities(world, (given or {}).get("key"), input, failure))

    views = Views(
        variant=lambda product, variant: _variant(world, product, variant),
        location=lambda: _location(world),
    )
    fields = build_fields(world, views)
    find_order = fields.pop("find")
    return {
        **fields,
        "shop": _shop(world),
        "locations": locations,
        "location": lambda info, **given: _node(world, given.get("id") or LOCATION_ID),
        "products": products,
        "productVariants": variants,
        "product": node,
        "productVariant": node,
        "inventoryItem": node,
        "node": node,
        "nodes": lambda info, ids: [node(info, one) for one in ids],
        "inventoryMoveQuantities": move,
    }


def _node(world: World, id: str) -> State | None:
    if id == LOCATION_ID:
        return _location(world)
    for product in world.state["products"]:
        if product["id"] == id:
            return _product(world, product)
        for variant in product["variants"]:
            if variant["id"] == id:
                return _variant(world, product, variant)
            if variant["item"] == id:
                return _item(world, product, variant)
    return None


def _shop(world: World) -> State:
    return {
        "id": "gid://shopify/Shop/1",
        "name": world.name,
        "currencyCode": world.settings["shop"].get("currency", "EUR"),
        "myshopifyDomain": f"{world.name}.myshopify.com",
    }


def _location(world: World) -> State:
    return {
        "__typename": "Location",
        "id": LOCATION_ID,
        "name": world.settings["shop"].get("location") or "Boutique",
        "isActive": True,
        "fulfillsOnlineOrders": True,
    }


def _product(world: World, product: State) -> State:
    def metafield(info: Info, key: str, namespace: str | None = None) -> State | None:
        value = product["metafields"].get(key)
        if not value or namespace not in {None, "custom"}:
            return None
        return {
            "id": f"gid://shopify/Metafield/{product['id'].rpartition('/')[2]}{len(key)}",
            "namespace": "custom",
            "key": key,
            "type": METAFIELD_TYPES.get(key, "single_line_text_field"),
            "value": value,
        }

    image = {"url": product["image"], "altText": product["title"]}
    media = {
        "__typename": "MediaImage",
        "id": product["id"].replace("Product", "MediaImage"),
        "alt": product["title"],
        "preview": {"image": image},
    }
    return {
        "__typename": "Product",
        "id": product["id"],
        "title": product["title"],
        "handle": product["handle"],
        "productType": product["category"],
        "status": product["status"],
        "tags": [],
        "vendor": world.name,
        "featuredMedia": media if product["image"] else None,
        "metafield": metafield,
        "variants": lambda info, **page: connect(
            product["variants"], page, lambda v: _variant(world, product, v)
        ),
    }


def _variant(world: World, product: State, variant: State) -> State:
    return {
        "__typename": "ProductVariant",
        "id": variant["id"],
        "sku": variant["sku"],
        "title": " / ".join(o["value"] for o in variant["options"]),
        "price": variant["price"],
        "inventoryQuantity": lambda info: _read(world, variant["sku"])["available"],
        "selectedOptions": variant["options"],
        "inventoryItem": lambda info: _item(world, product, variant),
        "product": lambda info: _product(world, product),
    }


def _item(world: World, product: State, variant: State) -> State:
    def level(info: Info, locationId: str, **_: Any) -> State | None:  # noqa: N803  # the schema's name
        return _level(world, product, variant) if locationId == LOCATION_ID else None

    return {
        "__typename": "InventoryItem",
        "id": variant["item"],
        "sku": variant["sku"],
        "tracked": True,
        "variant": lambda info: _variant(world, product, variant),
        "inventoryLevel": level,
        "inventoryLevels": lambda info, **page: connect([_level(world, product, variant)], page),
    }


def _level(world: World, product: State, variant: State) -> State:
    def read(info: Info, names: list[str]) -> list[State]:
        known, at = _read(world, variant["sku"]), world.state["stock"][variant["sku"]]["updated_at"]
        if unknown := [name for name in names if name not in known and name not in OTHER_NAMES]:
            raise GraphQLError(f"{unknown[0]} is not a valid quantity name")
        item = variant["item"].rpartition("/")[2]
        return [
            {
                "id": f"gid://shopify/InventoryQuantity/{item}?name={name}",
                "name": name,
                "quantity": known.get(name, 0),
                "updatedAt": at,
            }
            for name in names
        ]

    return {
        "__typename": "InventoryLevel",
        "id": variant["item"].replace("InventoryItem", "InventoryLevel"),
        "isActive": True,
        "item": lambda info: _item(world, product, variant),
        "location": _location(world),
        "quantities": read,
    }


# Quantities that Shopify has and the sandbox keeps at 0.
OTHER_NAMES = frozenset({"incoming", "damaged", "safety_stock", "quality_control"})


def _read(world: World, sku: str) -> dict[str, int]:
    with world.lock:
        return quantities(world.state["stock"][sku])


def _payload(world: World, answer: State) -> State:
    group = answer["inventoryAdjustmentGroup"]
    if group is None:
        return answer

    def changes(info: Info, **only: Any) -> list[State]:
        names = only.get("quantityNames")
        return [
            {**c, "location": _location(world), "item": lambda info, c=c: _item_of(world, c["sku"])}
            for c in group["changes"]
            if names is None or c["name"] in names
        ]

    return {**answer, "inventoryAdjustmentGroup": {**group, "changes": changes}}


def _item_of(world: World, sku: str) -> State | None:
    for product in world.state["products"]:
        for variant in product["variants"]:
            if variant["sku"] == sku:
                return _item(world, product, variant)
    return None


# --- searches ----------------------------------------------------------------------------


def _matches(product: State, variants: Sequence[State], query: str | None) -> bool:
    """Words must each begin one of the words of the title, type, vendor or a SKU."""
    skus = [v["sku"] for v in variants]
    known = words(" ".join([product["title"], product["category"], product["color"], *skus]))

    def test(term: Term) -> bool:
        if term.field:
            return _passes(product, skus, term.field, term.value)
        return all(any(w.startswith(t) for w in known) for t in words(term.value))

    return holds(query, test)


def _passes(product: State, skus: Sequence[str], field: str, value: str) -> bool:
    """A filter of a name that the sandbox does not know is left aside, as Shopify does."""
    folded = " ".join(words(value))
    if field in {"status", "product_status"}:
        return bool(product["status"].lower() in value.lower().split(","))
    if field == "sku":
        return value.lower() in {sku.lower() for sku in skus}
    if field == "title":
        return folded in " ".join(words(product["title"]))
    if field == "product_type":
        return folded == " ".join(words(product["category"]))
    if field in {"id", "product_id"}:
        return bool(product["id"].rpartition("/")[2] == value)
    return True
