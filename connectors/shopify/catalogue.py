"""How a Shopify product is one of ours.

| ours | Shopify's |
| --- | --- |
| reference | what the SKUs of its variants share before their last "-" |
| category | productType |
| size, color | the options called Taille or Size, Couleur, Coloris, Color or Colour |
| material, care | metafields custom.material, custom.care |
| goes_with | metafield custom.goes_with: references, comma separated or as a JSON list |
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from connectors.ports import Money, Product, Variant

SIZE_OPTIONS = frozenset({"taille", "size"})
COLOR_OPTIONS = frozenset({"couleur", "coloris", "color", "colour"})

# What joins terms in Shopify's search.
CONNECTIVES = frozenset({"and", "or", "not"})

# A product costs 7 points and each of 30 variants 3: with 5 products 486 of the 1000 that
# one query may cost, which the smallest plan refills in 5 seconds.
PAGE = 5

PRODUCT_FIELDS = """
fragment ProductFields on Product {
  id
  title
  productType
  featuredMedia { preview { image { url } } }
  material: metafield(namespace: "custom", key: "material") { value }
  care: metafield(namespace: "custom", key: "care") { value }
  goesWith: metafield(namespace: "custom", key: "goes_with") { value }
  variants(first: 30) { nodes { ...VariantFields } pageInfo { hasNextPage endCursor } }
}
fragment VariantFields on ProductVariant {
  sku
  price
  selectedOptions { name value }
  inventoryItem { id }
}
"""

PRODUCTS = (
    """query Products($first: Int!, $after: String, $search: String!) {
  shop { currencyCode }
  products(first: $first, after: $after, query: $search) {
    nodes { ...ProductFields }
    pageInfo { hasNextPage endCursor }
  }
}"""
    + PRODUCT_FIELDS
)

MORE_VARIANTS = """query MoreVariants($id: ID!, $after: String) {
  product(id: $id) {
    variants(first: 100, after: $after) {
      nodes { ...VariantFields }
      pageInfo { hasNextPage endCursor }
    }
  }
}
fragment VariantFields on ProductVariant {
  sku
  price
  selectedOptions { name value }
  inventoryItem { id }
}
"""


def read_product(node: Mapping[str, Any], currency: str) -> Product:
    """A product from `PRODUCTS`, all of its variants in `variants.nodes`.

    Variants without a SKU are left out: nothing could be asked or put aside under it.
    """
    variants = tuple(_read_variant(v, currency) for v in node["variants"]["nodes"] if v["sku"])
    image = ((node["featuredMedia"] or {}).get("preview") or {}).get("image") or {}
    return Product(
        id=node["id"],
        reference=find_reference(v.sku for v in variants),
        title=node["title"],
        category=node["productType"],
        colors=tuple(dict.fromkeys(v.color for v in variants if v.color)),
        material=_metafield(node["material"]),
        care=_metafield(node["care"]),
        goes_with=_references(_metafield(node["goesWith"])),
        image_url=image.get("url", ""),
        variants=variants,
    )


def find_reference(skus: Iterable[str]) -> str:
    """RF-2847-38 and RF-2847-40 give RF-2847; a single SKU is its own reference.

    SKUs that share nothing before their last "-" give what the first has before it.
    """
    several = list(skus)
    if len(several) < 2:
        return several[0] if several else ""
    stems = dict.fromkeys(sku.rpartition("-")[0] or sku for sku in several)
    parts = [stem.split("-") for stem in stems]
    shared = []
    for same in zip(*parts, strict=False):
        if len(set(same)) > 1:
            break
        shared.append(same[0])
    return "-".join(shared) or next(iter(stems))


def search_words(words: str) -> str:
    """What people typed, without what Shopify's search would take for its own syntax."""
    kept = re.findall(r"\w+(?:-\w+)*", words.lower())
    return " ".join(["status:active", *(w for w in kept if w not in CONNECTIVES)])


def find_size(options: Iterable[Mapping[str, str]]) -> str | None:
    """The value of the option that is called size (`selectedOptions`)."""
    return _find_option(options, SIZE_OPTIONS)


def _find_option(options: Iterable[Mapping[str, str]], names: frozenset[str]) -> str | None:
    named = (o["value"].strip() for o in options if o["name"].strip().lower() in names)
    return next(named, None)


def _read_variant(node: Mapping[str, Any], currency: str) -> Variant:
    options = node["selectedOptions"]
    return Variant(
        sku=node["sku"].strip(),
        ref=node["inventoryItem"]["id"],
        size=find_size(options),
        color=_find_option(options, COLOR_OPTIONS),
        price=Money(Decimal(node["price"]), currency),
    )


def _metafield(node: Mapping[str, Any] | None) -> str:
    return str(node["value"]).strip() if node else ""


def _references(text: str) -> tuple[str, ...]:
    if text.startswith("["):
        try:
            return tuple(str(r).strip() for r in json.loads(text))
        except ValueError:
            return ()
    return tuple(r.strip() for r in text.split(",") if r.strip())
