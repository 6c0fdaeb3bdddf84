"""OTLP requests made by hand, for what an SDK would never send, and a plain HTTP client."""
import http.client
import json
import os
import time

TYPES = {"json": "application/json", "protobuf": "application/x-protobuf"}


def span(name="work", trace_id=None, span_id=None, **more):
    now = time.time_ns()
    return dict({"traceId": trace_id or os.urandom(16).hex(), "spanId": span_id or os.urandom(8).hex(), "name": name, "kind": 2,
                 "startTimeUnixNano": str(now - 10**7), "endTimeUnixNano": str(now)}, **more)


def request(*spans, service="test"):
    return {"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
                               "scopeSpans": [{"scope": {"name": "by hand"}, "spans": list(spans)}]}]}


def xray_id(hex_id):
    return f"1-{hex_id[:8]}-{hex_id[8:]}"


def post(address, body, encoding="json", path="/v1/traces", method="POST", **headers):
    """-> (status, headers, body bytes). `body` may be a request or bytes."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection(address, timeout=20)
    try:
        connection.request(method, path, data, {"Content-Type": TYPES.get(encoding, encoding), **{k.replace("_", "-"): v for k, v in headers.items()}})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def to_protobuf(body):
    from google.protobuf import json_format
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    import base64
    import copy
    made = copy.deepcopy(body)  # protobuf's own JSON form writes ids as base64, OTLP's as hex
    for resource in made["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for one in scope["spans"]:
                for key in ("traceId", "spanId", "parentSpanId"):
                    if key in one:
                        one[key] = base64.b64encode(bytes.fromhex(one[key])).decode()
    return json_format.ParseDict(made, ExportTraceServiceRequest()).SerializeToString()


def get(address, path):
    status, _, body = post(address, b"", path=path, method="GET")
    return status, body.decode()


def metrics(program):
    """{'name{labels}': value} of the metrics page."""
    text = get(program.addresses["metrics"], "/metrics")[1]
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line and line[0] != "#"}


def metric_sum(program, prefix, *parts):
    return sum(v for k, v in metrics(program).items() if k.startswith(prefix) and all(p in k for p in parts))
