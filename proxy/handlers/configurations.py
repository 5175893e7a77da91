"""Configurations of features that we do not have: what is so is said, what cannot be is refused.

So a client that looks at a whole bucket (Terraform, `s3cmd info`) sees what it would see of a bucket
on which nothing of this was ever set, and one that puts exactly that back is told that it is so.
"""

from __future__ import annotations

from collections.abc import Callable

from proxy.absences import (
    NoSuchConfiguration,
    NoSuchWebsiteConfiguration,
    ReplicationConfigurationNotFoundError,
)
from proxy.errors import MalformedXML, NotImplementedByUs, S3Error
from proxy.handlers.call import Answer, Call, document
from proxy.wire.xml.document import document as written
from proxy.wire.xml.document import element, flag
from proxy.wire.xml.parsing import Node, parse

Handler = Callable[[Call], Answer]


def _absent(error: type[S3Error]) -> Handler:
    """There is no such configuration, and none can be made."""

    def say(call: Call) -> Answer:
        raise error(fields={"BucketName": call.here.name})

    return say


def _always(content: bytes) -> Handler:
    """It is so, whatever was asked before."""

    def say(call: Call) -> Answer:
        return document(content)

    return say


def _none_of(root: str) -> Handler:
    """Of those configurations, of which a bucket may have many, there is none; each has an id."""
    empty = written(root, flag("IsTruncated", False))

    def say(call: Call) -> Answer:
        if call.request.method != "GET" or "id" in call.request.query:
            raise NoSuchConfiguration(fields={"BucketName": call.here.name})
        return document(empty)

    return say


def _nothing_to_delete(call: Call) -> Answer:
    return Answer(204)


get_replication = _absent(ReplicationConfigurationNotFoundError)
get_website = _absent(NoSuchWebsiteConfiguration)
get_accelerate = _always(written("AccelerateConfiguration"))
get_logging = _always(written("BucketLoggingStatus"))
get_notification = _always(written("NotificationConfiguration"))
get_request_payment = _always(written("RequestPaymentConfiguration", element("Payer", "BucketOwner")))
analytics = _none_of("ListBucketAnalyticsConfigurationResult")
intelligent_tiering = _none_of("ListBucketIntelligentTieringConfigurationsOutput")
inventory = _none_of("ListInventoryConfigurationsResult")
metrics = _none_of("ListMetricsConfigurationsResult")
delete_replication = delete_website = _nothing_to_delete


def put_notification(call: Call) -> Answer:
    """Nobody is to be told of anything. Raises MalformedXML, NotImplemented for everything else."""
    return _accept_nothing(call, "NotificationConfiguration", _LISTENERS)


def put_logging(call: Call) -> Answer:
    """Nothing is to be logged to a bucket. Raises MalformedXML, NotImplemented for everything else."""
    return _accept_nothing(call, "BucketLoggingStatus", frozenset({"LoggingEnabled"}))


def put_request_payment(call: Call) -> Answer:
    """The owner pays. Raises MalformedXML, NotImplemented for the requester."""
    return _accept_choice(call, "RequestPaymentConfiguration", "Payer", "BucketOwner", "Requester")


def put_accelerate(call: Call) -> Answer:
    """Transfers are not accelerated. Raises MalformedXML, NotImplemented for Enabled."""
    return _accept_choice(call, "AccelerateConfiguration", "Status", "Suspended", "Enabled")


_LISTENERS = frozenset(
    {
        *("TopicConfiguration", "QueueConfiguration", "CloudFunctionConfiguration"),
        "EventBridgeConfiguration",
    }
)


def _accept_nothing(call: Call, root: str, known: frozenset[str]) -> Answer:
    for child in parse(call.document(), root).children:
        if child.name in known:
            raise NotImplementedByUs(fields={"Element": child.name})
        raise MalformedXML()
    return Answer(200)


def _accept_choice(call: Call, root: str, name: str, ours: str, other: str) -> Answer:
    asked = parse(call.document(), root).only(name).get(name, Node(name)).text.strip()
    if asked == other:
        raise NotImplementedByUs(fields={name: other})
    if asked != ours:
        raise MalformedXML()
    return Answer(200)
