"""Do the receivers take what OTLP allows and refuse the rest in OTLP's words, the other requests unharmed?"""
import gzip
import json
import re
import threading
import time
import zlib

import grpc
import pytest
import zstandard
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

from conftest import wait_for
from otlp import get, metric_sum, post, request, span, to_protobuf, xray_id

CODINGS = {"identity": lambda b: b, "gzip": gzip.compress, "deflate": zlib.compress, "zstd": zstandard.compress}


def seen(local, *spans):
    ids = [xray_id(s["traceId"]) for s in spans]
    return {t["Id"] for t in local.xray().batch_get_traces(TraceIds=ids)["Traces"]} == set(ids)


def export(local, message, **options):
    with grpc.insecure_channel(local.addresses["grpc"], options=[("grpc.max_send_message_length", 1 << 28)]) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        return ExportTraceServiceResponse.FromString(call(message, timeout=20, **options))


def export_error(local, message, **options):
    with pytest.raises(grpc.RpcError) as caught:
        export(local, message, **options)
    return caught.value


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_http_encodings(local, encoding, coding):
    one = span()
    body = json.dumps(request(one)).encode() if encoding == "json" else to_protobuf(request(one))
    status, headers, answer = post(local.addresses["http"], CODINGS[coding](body), encoding, Content_Encoding=coding)
    assert status == 200 and headers["Content-Type"].startswith("application/")
    assert answer == (b"{}" if encoding == "json" else b"")
    assert seen(local, one)


def test_json_as_the_specification_says(local):
    one = span(kind="SPAN_KIND_CLIENT", unknownField={"a": [1, {"b": None}]}, startTimeUnixNano=time.time_ns() - 10**9, endTimeUnixNano=time.time_ns(),
               attributes=[{"key": "n", "value": {"intValue": 7}}, {"key": "m", "value": {"intValue": "8"}}], parentSpanId=None)
    one["traceId"] = one["traceId"].upper()
    assert post(local.addresses["http"], request(one), "application/json; charset=utf-8")[0] == 200
    trace = local.xray().batch_get_traces(TraceIds=[xray_id(one["traceId"].lower())])["Traces"][0]
    document = json.loads(trace["Segments"][0]["Document"])
    assert document["annotations"]["n"] == 7 and document["annotations"]["m"] == 8


BAD = [
    ("json", b'{"resourceSpans": [', 400),
    ("json", b'{"resourceSpans": 7}', 400),
    ("json", b"\xff\xfe", 400),
    ("protobuf", b"\x0a\xff\x01", 400),
    ("protobuf", to_protobuf(request(span()))[:-3], 400),
    ("text/plain", b"hello", 415),
]


@pytest.mark.parametrize("encoding, body, status", BAD, ids=[f"{e} {s} {b[:12]!r}" for e, b, s in BAD])
def test_malformed_requests_are_refused_in_words(local, encoding, body, status):
    got, headers, answer = post(local.addresses["http"], body, encoding)
    assert got == status
    if encoding == "json":
        error = json.loads(answer)
        assert error["code"] == 3 and error["message"]
    elif encoding == "protobuf":
        assert headers["Content-Type"] == "application/x-protobuf" and answer[:2] == b"\x08\x03"
    assert post(local.addresses["http"], request(span()))[0] == 200


@pytest.mark.parametrize("bad", [dict(traceId="0" * 32), dict(spanId="0" * 16), dict(traceId="abcd"), dict(spanId=""), dict(traceId="x" * 32)],
                         ids=["zero trace id", "zero span id", "short trace id", "no span id", "not hex"])
def test_a_span_with_a_bad_id_is_rejected_alone(local, bad):
    good = span()
    status, _, answer = post(local.addresses["http"], request(dict(span(), **bad), good))
    partial = json.loads(answer)["partialSuccess"]
    assert status == 200 and int(partial["rejectedSpans"]) == 1 and "id" in partial["errorMessage"]
    assert seen(local, good)
    assert metric_sum(local, "otelcol_receiver_refused_spans") == 1 and metric_sum(local, "otelcol_receiver_accepted_spans") == 1


def test_reversed_times_pass(local):
    now = time.time_ns()
    one = span(startTimeUnixNano=str(now), endTimeUnixNano=str(now - 10**9))
    assert post(local.addresses["http"], request(one))[0] == 200
    assert seen(local, one)


def test_limits_over_http(local):
    too_big = b'{"resourceSpans":[],"x":"' + b"y" * (21 << 20) + b'"}'
    assert post(local.addresses["http"], too_big)[0] == 413
    before = local.resident_bytes()
    for bomb in (gzip.compress(bytes(300 << 20)), zstandard.compress(bytes(300 << 20))):
        coding = "gzip" if bomb[:2] == b"\x1f\x8b" else "zstd"
        assert post(local.addresses["http"], bomb, "protobuf", Content_Encoding=coding)[0] == 413
    assert not local.grew_too_much(before)
    assert post(local.addresses["http"], request(span()), Content_Encoding="br")[0] == 415
    assert post(local.addresses["http"], b"not gzip at all", Content_Encoding="gzip")[0] == 400


def test_other_paths_and_methods(local):
    assert post(local.addresses["http"], b"", method="GET")[0] == 405
    assert post(local.addresses["http"], b"{}", path="/v1/metrics")[0] == 404
    assert post(local.addresses["http"], b"{}", path="/")[0] == 404


def test_empty_requests_are_fine(local):
    assert post(local.addresses["http"], b"{}")[0] == 200
    assert post(local.addresses["http"], b"", "protobuf")[0] == 200
    assert export(local, b"") == ExportTraceServiceResponse()


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_grpc(local, compression):
    spans = [span() for _ in range(100)]
    assert export(local, to_protobuf(request(*spans)), compression=compression) == ExportTraceServiceResponse()
    assert seen(local, *spans)


def test_grpc_refusals(local):
    assert export_error(local, b"\x0a\xff\x01").code() == grpc.StatusCode.INVALID_ARGUMENT
    assert export_error(local, bytes(5 << 20)).code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    before = local.resident_bytes()
    assert export_error(local, bytes(200 << 20), compression=grpc.Compression.Gzip).code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not local.grew_too_much(before)
    with grpc.insecure_channel(local.addresses["grpc"]) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export")(b"", timeout=5)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
    one = span()
    export(local, to_protobuf(request(one)))
    assert seen(local, one)


def test_grpc_partial_success(local):
    message = ExportTraceServiceRequest.FromString(to_protobuf(request(span(), span())))
    message.resource_spans[0].scope_spans[0].spans[0].span_id = bytes(8)
    answer = export(local, message.SerializeToString())
    assert answer.partial_success.rejected_spans == 1 and answer.partial_success.error_message


def test_nesting_bombs(local):
    deep = b'{"resourceSpans":' + b"[" * 1_000_000
    assert post(local.addresses["http"], deep)[0] == 400
    inner = b""
    for _ in range(5000):
        inner = b"\x2a" + varint(len(inner) + 1 + len(varint(len(inner)))) + b"\x0a" + varint(len(inner)) + inner
    attribute = b"\x0a\x01k\x12" + varint(len(inner)) + inner
    resource = b"\x0a" + varint(len(attribute)) + attribute
    block = b"\x0a" + varint(len(resource)) + resource
    message = b"\x0a" + varint(len(block)) + block
    assert post(local.addresses["http"], message, "protobuf")[0] in (400, 413)
    assert export_error(local, message).code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED)
    assert get(local.addresses["health"], "/livez")[0] == 200


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def test_many_clients_at_once(local):
    sent, lock, failures = [], threading.Lock(), []

    def client(number):
        try:
            for _ in range(10):
                spans = [span() for _ in range(10)]
                if number % 2:
                    export(local, to_protobuf(request(*spans)))
                else:
                    assert post(local.addresses["http"], request(*spans))[0] == 200
                with lock:
                    sent.extend(spans)
        except Exception as error:  # the thread's own failure, told below
            failures.append(error)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not failures and len(sent) == 800
    assert all(seen(local, *sent[i:i + 100]) for i in range(0, 800, 100))


def test_a_burst_leaves_no_memory_behind(local):
    if int(re.search(r"VmPeak:\s+(\d+)", open(f"/proc/{local.process.pid}/status").read())[1]) > 1 << 30:
        pytest.skip("a sanitizer's allocator keeps what is free")
    big = to_protobuf(request(*[span(attributes=[{"key": f"k{i}", "value": {"stringValue": "v" * 100}} for i in range(20)]) for _ in range(1000)]))
    with grpc.insecure_channel(local.addresses["grpc"]) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        for _ in range(4):
            for pending in [call.future(big, timeout=20) for _ in range(40)]:
                pending.exception()
    assert local.resident_bytes() > 56 << 20
    wait_for(lambda: local.resident_bytes() < 48 << 20, "memory given back", timeout=25)
