"""Brings a server's templates, lifecycles and indices to what this version needs: first a plan, then the changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from elasticsearch import BadRequestError, Elasticsearch, NotFoundError

from soc.stores import elasticsearch_names as names
from soc.stores.elasticsearch_client import telling
from soc.stores.elasticsearch_plan import COMPONENT, INDEX, LIFECYCLE, TEMPLATE, TYPE, Step, Verdict, to_do
from soc.stores.elasticsearch_schema import SUBSTITUTES, component, indices, policy, policy_name, templates

Json = dict[str, Any]


def plan(client: Elasticsearch, namespace: str) -> list[Step]:
    """In the order in which it has to be applied. StoreError if the server cannot be asked."""
    names.checked(namespace)
    with telling():
        lacking = frozenset(type for type in sorted(SUBSTITUTES) if not _allows(client, _mapping(type)))
        lifecycle = _allows(client, {"settings": {"index.lifecycle.name": "soc"}})
        steps = [Step(TYPE, type, "unavailable", {"instead": SUBSTITUTES[type]}) for type in sorted(lacking)]
        steps += _policies(client, lifecycle)
        name, body = component(namespace, lacking)
        steps.append(Step(COMPONENT, name, _verdict(body, _component(client, name)), body))
        for name, body in templates(namespace, lacking, lifecycle=lifecycle).items():
            steps.append(Step(TEMPLATE, name, _verdict(body, _template(client, name)), body))
        for name, mappings in indices(namespace).items():
            steps.append(Step(INDEX, name, _verdict(mappings, _index(client, name)), mappings))
    return steps


def apply(client: Elasticsearch, steps: Sequence[Step]) -> Iterator[Step]:
    """Does what is to do, and gives each step when it is done. A step may be repeated; StoreError says what failed."""
    for step in to_do(steps):
        with telling():
            _DO[step.kind](client, step)
        yield step


def _put_policy(client: Elasticsearch, step: Step) -> None:
    client.ilm.put_lifecycle(name=step.name, policy=step.body["policy"])


def _put_component(client: Elasticsearch, step: Step) -> None:
    client.cluster.put_component_template(name=step.name, template=step.body["template"])


def _put_template(client: Elasticsearch, step: Step) -> None:
    client.indices.put_index_template(name=step.name, **step.body)


def _put_index(client: Elasticsearch, step: Step) -> None:
    """The template gives a new index its mapping; one that is there gets the fields that it lacks."""
    if step.verdict == "create":
        client.indices.create(index=step.name)
    else:
        client.indices.put_mapping(index=step.name, properties=step.body["properties"])


_DO: dict[str, Callable[[Elasticsearch, Step], None]] = {
    LIFECYCLE: _put_policy,
    COMPONENT: _put_component,
    TEMPLATE: _put_template,
    INDEX: _put_index,
}


def _policies(client: Elasticsearch, lifecycle: bool) -> Iterator[Step]:
    for level in names.LEVELS:
        name, body = policy_name(level), policy(level)
        if not lifecycle:
            yield Step(LIFECYCLE, name, "unavailable", body)
            continue
        try:
            there = client.ilm.get_lifecycle(name=name)[name]["policy"]
        except NotFoundError:
            there = None
        yield Step(LIFECYCLE, name, _verdict(body["policy"], there), body)


def _mapping(type: str) -> Json:
    more = {"scaling_factor": 1000} if type == "scaled_float" else {}
    return {"mappings": {"properties": {"probe": {"type": type, **more}}}}


def _allows(client: Elasticsearch, template: Json) -> bool:
    """Asks the server itself whether it would take such a template; nothing is stored."""
    try:
        client.indices.simulate_template(index_patterns=["soc-probe-*"], template=template, priority=2_000_000)
    except BadRequestError:
        return False
    return True


def _component(client: Elasticsearch, name: str) -> Json | None:
    found = _found(lambda: client.cluster.get_component_template(name=name)["component_templates"])
    return None if found is None else dict(found[0]["component_template"])


def _template(client: Elasticsearch, name: str) -> Json | None:
    found = _found(lambda: client.indices.get_index_template(name=name)["index_templates"])
    return None if found is None else dict(found[0]["index_template"])


def _index(client: Elasticsearch, name: str) -> Json | None:
    found = _found(lambda: client.indices.get_mapping(index=name).body)
    return None if found is None else dict(found[name]["mappings"])


def _found(get: Callable[[], Any]) -> Any:
    try:
        return get()
    except NotFoundError:
        return None


def _verdict(wanted: Json, there: Json | None) -> Verdict:
    if there is None:
        return "create"
    return "unchanged" if _contains(_plain(there), _plain(wanted)) else "change"


def _contains(there: Any, wanted: Any) -> bool:
    """True if all that is wanted is there; a server adds values of its own."""
    if isinstance(wanted, Mapping):
        return isinstance(there, Mapping) and all(
            name in there and _contains(there[name], wanted[name]) for name in wanted
        )
    return bool(there == wanted)


def _plain(value: Any) -> Any:
    """As a server writes values back: settings as text, and no empty objects."""
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items() if item != {}}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value).lower() if isinstance(value, bool | int) else value
