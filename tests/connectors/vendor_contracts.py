"""Checks of what was said over HTTP against the vendors' published contracts.

`check` raises AssertionError naming what is outside the contract.
"""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import parse_qs, urlsplit

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLString,
    OperationType,
    build_schema,
    get_operation_ast,
    is_abstract_type,
    is_composite_type,
    parse,
    validate,
)
from graphql.execution.values import get_variable_values
from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from openapi_schema_validator import OAS30Validator
from pydantic import BaseModel

# Twilio's contract has the description of a Media, not its content.
MEDIA = re.compile(r"/2010-04-01/Accounts/AC\w{32}/Messages/(SM|MM)\w{32}/Media/ME\w{32}")

# HubSpot has a contract for each kind of record, and one for properties.
HUBSPOT = re.compile(r"/crm/v3/(?:objects/(tickets|notes)|(properties))\b")

SPECS = Path(__file__).parents[2] / ".." / "shared" / "vendors" / "specs"


# What Resend documents and answers, and its contract does not have yet:
# https://resend.com/docs/api-reference/emails/retrieve-received-email
DOCUMENTED = {"resend": frozenset({"html_format", "raw", "received_for"})}


@dataclass(frozen=True)
class Exchange:
    """A request to a vendor and its answer. `by_hand` when a test made it, not a connector."""

    vendor: str
    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    content_type: str
    status: int
    answer: bytes
    by_hand: bool


def check(exchange: Exchange) -> None:
    """Requests by hand may be wrong on purpose: only their answers are checked."""
    if exchange.vendor == "shopify":
        if urlsplit(exchange.url).path.endswith("/graphql.json"):
            check_graphql(exchange)
        return
    if exchange.vendor == "openai":
        check_openai(exchange)
        return
    path, name = urlsplit(exchange.url).path, exchange.vendor
    if name == "twilio" and MEDIA.fullmatch(path):
        assert exchange.status == 307 or exchange.status >= 400
        return
    if name == "twilio" and path.startswith("/v1/"):
        name = "twilio-content"
    if name == "hubspot" and (found := HUBSPOT.match(path)):
        name = f"hubspot-{found[1] or found[2]}"
    check_openapi(exchange, load_openapi(name), HOSTS.get(name, HOSTS[exchange.vendor]))


# --- OpenAPI: Twilio, HubSpot, Resend ----------------------------------------------------


FILES = {
    "twilio": "twilio/twilio_api_v2010.json",
    "twilio-content": "twilio/twilio_content_v1.json",
    "hubspot": "hubspot/contacts.v3.json",
    "hubspot-tickets": "hubspot/tickets.v3.json",
    "hubspot-notes": "hubspot/notes.v3.json",
    "hubspot-properties": "hubspot/properties.v3.json",
    "resend": "resend/resend.json",
}
HOSTS = {
    "twilio": "https://api.twilio.com",
    "twilio-content": "https://content.twilio.com",
    "hubspot": "https://api.hubapi.com",
    "resend": "https://api.resend.com",
}


@cache
def load_openapi(vendor: str) -> OpenAPI:
    spec = json.loads((SPECS / FILES[vendor]).read_text("utf-8"))
    return OpenAPI.from_dict(spec, config=Config(spec_validator_cls=None))


def check_openapi(exchange: Exchange, spec: OpenAPI, host: str) -> None:
    parts = urlsplit(exchange.url)
    request = MockRequest(
        host,
        exchange.method.lower(),
        parts.path,
        args=parse_qs(parts.query, keep_blank_values=True),
        headers=exchange.headers,
        data=exchange.body or None,
        content_type=exchange.content_type.partition(";")[0] or "application/json",
    )
    if not exchange.by_hand:
        with warnings.catch_warnings():  # HubSpot's contract has kinds of keys it cannot check
            warnings.filterwarnings("ignore", "Unsupported scheme type")
            spec.validate_request(request)
        check_known_arguments(exchange, spec)
    if exchange.status >= 400:
        check_refusal(exchange, spec)
        return
    response = MockResponse(exchange.answer, exchange.status)
    spec.validate_response(request, response)
    schema = find_operation(exchange, spec)["responses"][str(exchange.status)]
    (media,) = schema["content"].values()
    answer = json.loads(exchange.answer)
    for name in DOCUMENTED.get(exchange.vendor, ()):
        answer.pop(name, None)
    check_known_fields(answer, media["schema"], spec)


def check_known_arguments(exchange: Exchange, spec: OpenAPI) -> None:
    """OpenAPI lets unknown fields pass; here they would be ours, misspelt."""
    operation = find_operation(exchange, spec)
    known = {p["name"] for p in operation.get("parameters", [])}
    known |= DOCUMENTED.get(exchange.vendor, frozenset())
    asked = set(parse_qs(urlsplit(exchange.url).query, keep_blank_values=True))
    if content := operation.get("requestBody", {}).get("content"):
        (media,) = content.values()
        schema = resolve(spec, media["schema"])
        known |= set(schema["properties"])
        if "json" in exchange.content_type:
            asked |= set(json.loads(exchange.body))
        else:
            asked |= set(parse_qs(exchange.body.decode(), keep_blank_values=True))
    assert asked <= known, f"unknown to {exchange.vendor}: {sorted(asked - known)}"


def find_operation(exchange: Exchange, spec: OpenAPI) -> dict[str, Any]:
    path = urlsplit(exchange.url).path.split("/")
    paths = spec.spec.read_value()["paths"]
    # Of /emails/{id} and /emails/receiving, the one with fewer blanks is meant.
    for template, item in sorted(paths.items(), key=lambda found: found[0].count("{")):
        parts = template.split("/")
        pairs = zip(parts, path, strict=False)
        if len(parts) == len(path) and all(fits(t, p) for t, p in pairs):
            found: dict[str, Any] = item[exchange.method.lower()]
            return found
    raise AssertionError(f"{exchange.vendor} has no {urlsplit(exchange.url).path}")


def fits(template: str, part: str) -> bool:
    """A part of a path, where `{Name}` stands for anything."""
    return re.fullmatch(re.sub(r"\{\w+\}", r"[^/]+", template), part) is not None


def resolve(spec: OpenAPI, schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Any = spec.spec.read_value()
    for key in schema["$ref"].removeprefix("#/").split("/"):
        found = found[key]
    return dict(found)


def check_known_fields(value: Any, schema: dict[str, Any], spec: OpenAPI) -> None:
    """An answer has no field that the contract does not have."""
    schema = resolve(spec, schema)
    if isinstance(value, list):
        for item in value:
            check_known_fields(item, schema["items"], spec)
    elif isinstance(value, dict) and "properties" in schema:
        properties = schema["properties"]
        assert set(value) <= set(properties), sorted(set(value) - set(properties))
        for name, of in properties.items():
            check_known_fields(value.get(name), of, spec)


def check_refusal(exchange: Exchange, spec: OpenAPI) -> None:
    """HubSpot's contract has it for any type of content; Twilio's has it not: there, what
    the SDK reads (code, message, more_info, status)."""
    body = json.loads(exchange.answer)
    if exchange.vendor == "hubspot":
        components = spec.spec.read_value()["components"]
        schema = {"$ref": "#/components/schemas/Error", "components": components}
        OAS30Validator(schema).validate(body)
        return
    if exchange.vendor == "resend":
        assert body["statusCode"] == exchange.status
        assert body["name"]
        assert body["message"]
        return
    assert body["status"] == exchange.status
    assert isinstance(body["code"], int)
    assert body["more_info"].endswith(str(body["code"]))
    assert body["message"]


# --- GraphQL: Shopify --------------------------------------------------------------------


@cache
def load_admin_schema() -> GraphQLSchema:
    text = (SPECS / "shopify" / "admin_2026-10.graphql").read_text("utf-8")
    return build_schema(text, assume_valid=True)


@cache
def find_query_errors(query: str) -> tuple[str, ...]:
    return tuple(e.message for e in validate(load_admin_schema(), parse(query)))


def check_graphql(exchange: Exchange) -> None:
    if exchange.status != 200:
        assert "errors" in json.loads(exchange.answer)
        return
    asked, answer = json.loads(exchange.body), json.loads(exchange.answer)
    if not exchange.by_hand:
        assert find_query_errors(asked["query"]) == ()
        check_variables(asked)
    if answer.get("data") and not find_query_errors(asked["query"]):
        check_data(asked, answer["data"])
    for error in answer.get("errors", []):
        assert error["message"]


def check_variables(asked: dict[str, Any]) -> None:
    operation = get_operation_ast(parse(asked["query"]), asked.get("operationName"))
    assert operation is not None
    definitions = tuple(operation.variable_definitions or ())
    found = get_variable_values(load_admin_schema(), definitions, asked["variables"])
    assert not isinstance(found, list), [e.message for e in found]
    names = {d.variable.name.value for d in definitions}
    assert set(asked["variables"]) <= names


def check_data(asked: dict[str, Any], data: dict[str, Any]) -> None:
    document = parse(asked["query"])
    operation = get_operation_ast(document, asked.get("operationName"))
    assert operation is not None
    schema = load_admin_schema()
    changes = operation.operation is OperationType.MUTATION
    fragments = {
        d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)
    }
    root = schema.mutation_type if changes else schema.query_type
    DataCheck(schema, fragments).check_object(data, root, operation.selection_set, "data")


NAME_OF_TYPE = GraphQLNonNull(GraphQLString)


class DataCheck:
    """Whether an answer has exactly the fields asked, each of its published type."""

    def __init__(self, schema: GraphQLSchema, fragments: dict[str, Any]) -> None:
        self.schema = schema
        self.fragments = fragments

    def check_object(self, value: Any, type_: Any, selections: Any, at: str) -> None:
        assert isinstance(value, dict), f"{at}: expected an object"
        fields = dict(self.fields(type_, selections, value))
        assert set(value) <= set(fields), f"{at}: {sorted(set(value) - set(fields))} not asked"
        if not is_abstract_type(type_):
            missing = set(fields) - set(value)
            assert not missing, f"{at}: {sorted(missing)} missing"
        for name, (field, of) in fields.items():
            if name in value:
                self.check_value(value[name], of, field.selection_set, f"{at}.{name}")

    def fields(self, type_: Any, selections: Any, value: Any) -> Any:
        for selection in selections.selections:
            if isinstance(selection, FieldNode):
                name, field = selection.alias or selection.name, selection.name.value
                of = NAME_OF_TYPE if field == "__typename" else type_.fields[field].type
                yield name.value, (selection, of)
                continue
            spread = isinstance(selection, FragmentSpreadNode)
            part = self.fragments[selection.name.value] if spread else selection
            inside = self.schema.type_map[part.type_condition.name.value]
            yield from self.fields(inside, part.selection_set, value)

    def check_value(self, value: Any, type_: Any, selections: Any, at: str) -> None:
        if isinstance(type_, GraphQLNonNull):
            assert value is not None, f"{at}: null"
            type_ = type_.of_type
        if value is None:
            return
        if isinstance(type_, GraphQLList):
            assert isinstance(value, list), f"{at}: expected a list"
            for n, item in enumerate(value):
                self.check_value(item, type_.of_type, selections, f"{at}[{n}]")
        elif is_composite_type(type_):
            self.check_object(value, type_, selections, at)
        elif isinstance(type_, GraphQLEnumType):
            assert value in type_.values, f"{at}: {value!r} is no {type_.name}"
        else:
            kinds = {"Int": int, "Boolean": bool, "Float": float}
            expected = kinds.get(type_.name, str)
            assert type(value) is expected, f"{at}: {value!r} is no {type_.name}"


# --- OpenAI: its package's types, which are made from its contract ------------------------


def check_openai(exchange: Exchange) -> None:
    from openai.types import CreateEmbeddingResponse, ErrorObject
    from openai.types import embedding_create_params as embeddings
    from openai.types.chat import ChatCompletion
    from openai.types.chat import completion_create_params as chats

    path, answer = urlsplit(exchange.url).path, json.loads(exchange.answer)
    chat = path.endswith("/chat/completions")
    if not (chat or path.endswith("/embeddings")):
        return
    asked = json.loads(exchange.body)
    params = chats.CompletionCreateParamsNonStreaming if chat else embeddings.EmbeddingCreateParams
    if not exchange.by_hand:
        hints = get_type_hints(params)
        assert set(asked) <= set(hints), set(asked) - set(hints)
        assert not set(params.__required_keys__) - set(asked)
    if exchange.status >= 400:
        find_extras(ErrorObject.model_validate(answer["error"], strict=True))
        return
    if asked.get("encoding_format") == "base64":
        return  # the published answer has numbers only
    form = ChatCompletion if chat else CreateEmbeddingResponse
    find_extras(form.model_validate(answer, strict=True))


def find_extras(value: Any) -> None:
    """Fields that the package does not know."""
    if isinstance(value, list):
        for each in value:
            find_extras(each)
    elif isinstance(value, BaseModel):
        assert not value.model_extra, value.model_extra
        for name in type(value).model_fields:
            find_extras(getattr(value, name))
