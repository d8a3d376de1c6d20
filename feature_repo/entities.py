"""Whom features describe, in GA4's words."""

from feast import Entity, ValueType

user = Entity(
    name="user",
    join_keys=["user_pseudo_id"],
    value_type=ValueType.STRING,
    description="A browser or device, by GA4's user_pseudo_id; not the logged-in user_id.",
)
session = Entity(
    name="session",
    join_keys=["session_key"],
    value_type=ValueType.STRING,
    description="A visit, by user_pseudo_id and ga_session_id.",
)

ENTITIES = {entity.name: entity for entity in (user, session)}
