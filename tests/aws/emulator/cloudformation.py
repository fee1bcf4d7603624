"""CloudFormation resource types that stock refuses, and properties that it drops.

Stock refuses a template with an unknown type, which is right: so each type that the system needs is named here.
"""

import json

from ministack.services import cloudwatch, dynamodb, eventbridge, scheduler
from ministack.services.cloudformation import provisioners

import event_schemas

HANDLERS = provisioners._RESOURCE_HANDLERS


def install():
    HANDLERS["AWS::Events::Archive"] = {"create": create_archive, "update": update_archive, "delete": delete_archive}
    HANDLERS["AWS::CloudWatch::CompositeAlarm"] = {
        "create": create_composite_alarm,
        "update": update_composite_alarm,
        "delete": delete_alarm,
    }
    event_schemas.install(HANDLERS)
    configure_cors(HANDLERS["AWS::ApiGatewayV2::Api"])
    configure_tables(HANDLERS["AWS::DynamoDB::Table"], lambda properties: properties)
    configure_tables(HANDLERS["AWS::DynamoDB::GlobalTable"], with_replica_settings)
    HANDLERS["AWS::Scheduler::Schedule"].update(create=create_schedule, update=update_schedule)


def require_success(answer):
    if answer[0] >= 300:
        body = answer[2]
        raise ValueError(body.decode() if isinstance(body, bytes) else str(body))


def arn(service, resource):
    return f"arn:aws:{service}:{provisioners.get_region()}:{provisioners.get_account_id()}:{resource}"


def create_archive(logical_id, properties, stack):
    name = properties.get("ArchiveName") or provisioners._physical_name(stack, logical_id, max_len=48)
    require_success(eventbridge._create_archive({**archive_request(name, properties), "EventSourceArn": properties["SourceArn"]}))
    return name, archive_attributes(name)


def update_archive(name, old, new, stack):
    require_success(eventbridge._update_archive(archive_request(name, new)))
    return name, archive_attributes(name)


def delete_archive(name, properties):
    eventbridge._delete_archive({"ArchiveName": name})


def archive_request(name, properties):
    request = {
        "ArchiveName": name,
        "Description": properties.get("Description", ""),
        "RetentionDays": int(properties.get("RetentionDays", 0)),
    }
    if properties.get("EventPattern"):
        request["EventPattern"] = json.dumps(properties["EventPattern"])
    return request


def archive_attributes(name):
    return {"Arn": arn("events", f"archive/{name}"), "ArchiveName": name}


def create_composite_alarm(logical_id, properties, stack):
    name = properties.get("AlarmName") or provisioners._physical_name(stack, logical_id, max_len=255)
    return put_composite_alarm(name, properties)


def update_composite_alarm(name, old, new, stack):
    return put_composite_alarm(name, new)


def put_composite_alarm(name, properties):
    require_success(cloudwatch._put_composite_alarm({}, {**properties, "AlarmName": name}, False, True))
    return name, {"Arn": arn("cloudwatch", f"alarm:{name}")}


def delete_alarm(name, properties):
    require_success(cloudwatch._delete_alarms({}, {"AlarmNames": [name]}, False, True))


def configure_cors(api):
    """A template writes the keys of CorsConfiguration in upper case, and the service reads them in lower case."""
    create, update = api["create"], api["update"]
    api["create"] = lambda logical_id, properties, stack: create(logical_id, with_cors(properties), stack)
    api["update"] = lambda api_id, old, new, *stack: update(api_id, with_cors(old), with_cors(new), *stack)


def with_cors(properties):
    cors = properties.get("CorsConfiguration")
    if not cors:
        return properties
    return {**properties, "CorsConfiguration": {key[0].lower() + key[1:]: value for key, value in cors.items()}}


def configure_tables(table, settings):
    """Stock drops the time to live and point-in-time recovery always, and encryption and index ARNs at creation."""
    create, update = table["create"], table["update"]

    def create_table(logical_id, properties, stack):
        name, attributes = create(logical_id, properties, stack)
        apply_table_settings(name, {}, settings(properties))
        return name, attributes

    def update_table(name, old, new, *stack):
        name, attributes = update(name, old, new, *stack)
        apply_table_settings(name, settings(old), settings(new))
        return name, attributes

    table["create"], table["update"] = create_table, update_table


def with_replica_settings(properties):
    """A global table keeps its recovery setting with the replica of each region."""
    for replica in properties.get("Replicas") or []:
        if replica.get("Region") == provisioners.get_region():
            recovery = replica.get("PointInTimeRecoverySpecification")
            return {**properties, "PointInTimeRecoverySpecification": recovery}
    return properties


def apply_table_settings(name, old, new):
    expiry = new.get("TimeToLiveSpecification") or {}
    if expiry.get("AttributeName"):
        enabled = str(expiry.get("Enabled", True)).lower() == "true"
        specification = {"AttributeName": expiry["AttributeName"], "Enabled": enabled}
        require_success(dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": specification}))
    elif old.get("TimeToLiveSpecification"):
        dynamodb._ttl_settings.pop(name, None)
    recovery = new.get("PointInTimeRecoverySpecification") or {}
    enabled = str(recovery.get("PointInTimeRecoveryEnabled", False)).lower() == "true"
    specification = {"PointInTimeRecoveryEnabled": enabled}
    require_success(
        dynamodb._update_continuous_backups({"TableName": name, "PointInTimeRecoverySpecification": specification})
    )
    encryption = dict(new.get("SSESpecification") or {})
    if "SSEEnabled" in encryption:
        encryption["Enabled"] = str(encryption.pop("SSEEnabled")).lower() == "true"
    dynamodb._tables[name]["SSEDescription"] = dynamodb._sse_description_from_spec(encryption or None)
    for index in dynamodb._tables[name].get("GlobalSecondaryIndexes") or []:
        index.setdefault("IndexArn", f"{dynamodb._tables[name]['TableArn']}/index/{index['IndexName']}")
        index.setdefault("IndexStatus", "ACTIVE")


SCHEDULE_PROPERTIES = (
    "ActionAfterCompletion", "Description", "EndDate", "FlexibleTimeWindow", "KmsKeyArn",
    "ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "State", "Target",
)


def create_schedule(logical_id, properties, stack):
    """Stock drops the time zone, the dates and the completion action, and hides a refusal."""
    name = properties.get("Name") or provisioners._physical_name(stack, logical_id, max_len=64)
    # A deleted schedule leaves the time of its last run behind, which would keep a new one of its name from running.
    key = f"{properties.get('GroupName', 'default')}/{name}"
    scheduler._schedule_last_fired.pop((provisioners.get_account_id(), provisioners.get_region(), key), None)
    require_success(scheduler._create_schedule(name, schedule_request(properties)))
    return name, {"Arn": scheduler._schedule_arn(properties.get("GroupName", "default"), name)}


def update_schedule(name, old, new, stack, logical_id=None):
    if (old.get("Name"), old.get("GroupName")) != (new.get("Name"), new.get("GroupName")):
        replacement = create_schedule(logical_id or name, new, stack)
        HANDLERS["AWS::Scheduler::Schedule"]["delete"](name, old)
        return replacement
    require_success(scheduler._update_schedule(name, schedule_request(new)))
    return name, {"Arn": scheduler._schedule_arn(new.get("GroupName", "default"), name)}


def schedule_request(properties):
    request = {name: properties[name] for name in SCHEDULE_PROPERTIES if name in properties}
    return {**request, "GroupName": properties.get("GroupName", "default")}
