"""AWS::EventSchemas::Registry and AWS::EventSchemas::Schema, kept in memory.

The emulator has no such service, so nothing can read a schema back. Deploying, Ref, GetAtt and deletion work.
"""

from ministack.core.responses import AccountRegionScopedDict
from ministack.services.cloudformation import provisioners

_registries = AccountRegionScopedDict()
_schemas = AccountRegionScopedDict()


def install(handlers):
    handlers["AWS::EventSchemas::Registry"] = {
        "create": create_registry,
        "update": update_registry,
        "delete": lambda identity, properties: _registries.pop(identity, None),
    }
    handlers["AWS::EventSchemas::Schema"] = {
        "create": create_schema,
        "update": update_schema,
        "delete": lambda identity, properties: _schemas.pop(identity, None),
    }


def arn(kind, name):
    return f"arn:aws:schemas:{provisioners.get_region()}:{provisioners.get_account_id()}:{kind}/{name}"


def create_registry(logical_id, properties, stack):
    name = properties.get("RegistryName") or provisioners._physical_name(stack, logical_id, max_len=64)
    identity = arn("registry", name)
    _registries[identity] = dict(properties)
    return identity, {"RegistryArn": identity, "RegistryName": name}


def update_registry(identity, old, new, stack):
    _registries[identity] = dict(new)
    return identity, {"RegistryArn": identity, "RegistryName": identity.rsplit("/", 1)[-1]}


def create_schema(logical_id, properties, stack):
    for required in ("Content", "RegistryName", "Type"):
        if not properties.get(required):
            raise ValueError(f"AWS::EventSchemas::Schema {logical_id}: {required} is required")
    name = properties.get("SchemaName") or provisioners._physical_name(stack, logical_id, max_len=385)
    identity = arn("schema", f"{properties['RegistryName']}/{name}")
    _schemas[identity] = {"properties": dict(properties), "version": 1}
    return identity, schema_attributes(identity)


def update_schema(identity, old, new, stack):
    _schemas[identity] = {"properties": dict(new), "version": _schemas[identity]["version"] + 1}
    return identity, schema_attributes(identity)


def schema_attributes(identity):
    name = identity.rsplit("/", 1)[-1]
    return {"SchemaArn": identity, "SchemaName": name, "SchemaVersion": str(_schemas[identity]["version"])}
