"""Cross-origin rules of a bucket, and the preflight that asks for them."""

from __future__ import annotations

from proxy.absences import NoSuchCORSConfiguration
from proxy.errors import AccessForbidden, BadRequest
from proxy.handlers.call import Answer, Call, document
from proxy.records import change_settings
from proxy.wire import cors

_NOT_ENABLED = "CORSResponse: CORS is not enabled for this bucket."
_NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evaluation of Origin, "
    "request method / Access-Control-Request-Method or Access-Control-Request-Headers are not "
    "whitelisted by the resource's CORS spec."
)


def get_cors(call: Call) -> Answer:
    """Raises NoSuchCORSConfiguration."""
    text = call.here.settings.cors
    if not text:
        raise NoSuchCORSConfiguration(fields={"BucketName": call.here.name})
    return document(cors.cors_document(text))


def put_cors(call: Call) -> Answer:
    """Raises MalformedXML, InvalidRequest, MaxMessageLengthExceeded."""
    change_settings(call.here, cors=cors.read_cors(call.document()))
    return Answer(200)


def delete_cors(call: Call) -> Answer:
    change_settings(call.here, cors="")
    return Answer(204)


def preflight(call: Call) -> Answer:
    """What a browser asks before it lets a page send its request. Raises BadRequest, AccessForbidden."""
    request = call.request
    origin = request.headers.get("origin", "")
    method = request.headers.get("access-control-request-method", "")
    if not origin:
        raise BadRequest("Insufficient information. Origin request header needed.")
    if method not in cors.METHODS:
        raise BadRequest(f"Invalid Access-Control-Request-Method: {method or 'null'}")
    fields = {"Method": method, "ResourceType": "OBJECT" if request.key else "BUCKET"}
    text = call.here.settings.cors
    if not text:
        raise AccessForbidden(_NOT_ENABLED, fields=fields)
    asked = request.headers.get("access-control-request-headers", "")
    granted = cors.preflight(text, origin, method, asked)
    if granted is None:
        raise AccessForbidden(_NOT_ALLOWED, fields=fields)
    return Answer(200, granted)
