"""What a Shopify request costs, in points.

An object 1, a connection or list as many times what is in it as its `first`, a mutation 10:
https://shopify.dev/docs/apps/build/apis/graphql-admin/rate-limits
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    SelectionSetNode,
    get_named_type,
    value_from_ast_untyped,
)

from connectors.sandbox.graph import SCHEMA, Asked

MUTATION = 10


def requested_cost(asked: Asked, variables: Mapping[str, Any]) -> int:
    """What the request may cost at most."""
    if asked.changes:
        return MUTATION * len(asked.operation.selection_set.selections)
    definitions = asked.document.definitions
    fragments = {d.name.value: d for d in definitions if isinstance(d, FragmentDefinitionNode)}
    return _Walk(SCHEMA, fragments, variables).cost(
        asked.operation.selection_set, SCHEMA.query_type
    )


def actual_cost(asked: Asked, data: Any) -> int:
    """What the answer did cost: its objects."""
    if asked.changes:
        return MUTATION * len(asked.operation.selection_set.selections)
    return sum(_count(value) for value in data.values())


def _count(value: Any) -> int:
    if isinstance(value, list):
        return sum(map(_count, value))
    if not isinstance(value, dict):
        return 0
    wraps = "nodes" in value or "edges" in value or "node" in value
    return (0 if wraps else 1) + sum(_count(v) for k, v in value.items() if k != "pageInfo")


class _Walk:
    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._fragments = fragments
        self._variables = dict(variables)

    def cost(self, selected: SelectionSetNode, parent: Any) -> int:
        total = 0
        for selection in selected.selections:
            if isinstance(selection, FieldNode):
                total += self._field(selection, parent)
                continue
            part: Any = selection
            if isinstance(selection, FragmentSpreadNode):
                part = self._fragments[selection.name.value]
            of = part.type_condition
            inside = self._schema.type_map[of.name.value] if of else parent
            total += self.cost(part.selection_set, inside)
        return total

    def _field(self, field: FieldNode, parent: Any) -> int:
        if field.selection_set is None:
            return 0
        type_ = get_named_type(parent.fields[field.name.value].type)
        inside = self.cost(field.selection_set, type_)
        if type_.name.endswith("Connection"):
            return inside * int(self._argument(field, "first") or 0)
        if type_.name == "PageInfo" or type_.name.endswith("Edge"):
            return inside
        ids = self._argument(field, "ids")
        several = self._argument(field, "first") if ids is None else len(ids)
        return (1 if several is None else int(several)) * (1 + inside)

    def _argument(self, field: FieldNode, name: str) -> Any:
        for argument in field.arguments or ():
            if argument.name.value == name:
                return value_from_ast_untyped(argument.value, self._variables)
        return None
