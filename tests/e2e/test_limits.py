"""What may the worst requests cost? Bombs are sent one after the other to one program, and its memory's peak is read at the end."""
import gzip
import os
import socket
import time
import zlib

import grpc
import pytest
import zstandard

from conftest import AWS_KEYS, clean_environment, collector_yaml, wait_for
from otlp import get, metric_sum, post, request, span, to_protobuf

MIB = 1 << 20


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def one_span(rest, **more):
    now = time.time_ns().to_bytes(8, "little")
    name = more.get("name", b"x")
    return field(1, field(2, field(2, field(1, os.urandom(16)) + field(2, os.urandom(8)) + field(5, name) + b"\x39" + now + b"\x41" + now + rest)))


def attribute(value):
    return field(9, field(1, b"k") + field(2, value))


def nested(levels):
    parts, size = [], 0
    for _ in range(levels):
        inner = b"\x0a" + varint(size)
        outer = b"\x2a" + varint(size + len(inner))
        parts.append(outer + inner)
        size += len(outer) + len(inner)
    return b"".join(reversed(parts))


def json_span(rest):
    return b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%s","spanId":"%s","name":"x"%s}]}]}]}' % (
        os.urandom(16).hex().encode(), os.urandom(8).hex().encode(), rest)


# name: (encoding, Content-Encoding, body, the answer's status)
HTTP_BOMBS = {
    "gzip of 300 MB": ("protobuf", "gzip", lambda: gzip.compress(bytes(300 * MIB)), 413),
    "300 gzip members": ("protobuf", "gzip", lambda: gzip.compress(bytes(MIB)) * 300, 413),
    "deflate of 300 MB": ("protobuf", "deflate", lambda: zlib.compress(bytes(300 * MIB)), 413),
    "zstd of 300 MB": ("protobuf", "zstd", lambda: zstandard.compress(bytes(300 * MIB)), 413),
    "2 million empty spans": ("protobuf", None, lambda: field(1, field(2, b"\x12\x00" * 2_000_000)), 413),
    "10 million empty events": ("protobuf", None, lambda: one_span(b"\x5a\x00" * 9_900_000), 413),
    "1 million attributes": ("protobuf", None, lambda: one_span(b"\x4a\x00" * 1_000_000), 413),
    "10 lists of 90,000 links": ("protobuf", None, lambda: field(1, field(2, field(2, b"\x6a\x00" * 90_000) * 10)), 413),
    "1 million levels": ("protobuf", None, lambda: one_span(attribute(nested(1_000_000))), 413),
    "a string of 19 MB": ("protobuf", None, lambda: one_span(attribute(field(1, b"\x01" * (19 * MIB)))), 200),
    "a name of 19 MB that is no UTF-8": ("protobuf", None, lambda: one_span(b"", name=b"\xff\xc3" * (9 * MIB)), 200),
    "a large resource 20,000 times": ("protobuf", None, lambda: field(1, field(1, field(1, field(1, b"service.name") + field(2, field(1, b"r" * 40_000)))) +
                                      field(2, b"".join(field(2, field(1, os.urandom(16)) + field(2, os.urandom(8))) for _ in range(20_000)))), 413),
    "19 million JSON brackets": ("json", None, lambda: b'{"x":' + b"[" * (19 * MIB), 400),
    "400,000 levels of JSON values": ("json", None, lambda: json_span(b',"attributes":[{"key":"k","value":' + b'{"arrayValue":{"values":[' * 400_000), 413),
    "5 million JSON attributes": ("json", None, lambda: json_span(b',"attributes":[' + b",".join([b"{}"] * 5_000_000) + b"]"), 413),
    "a JSON string of escapes": ("json", None, lambda: json_span(b',"attributes":[{"key":"k","value":{"stringValue":"' + b"\\u0001" * (3 * MIB) + b'"}}]'), 200),
}
GRPC_BOMBS = {
    "gzip of 200 MB": (lambda: bytes(200 * MIB), grpc.Compression.Gzip),
    "2 million empty spans": (lambda: field(1, field(2, b"\x12\x00" * 2_000_000)), None),
    "2 million attributes": (lambda: one_span(b"\x4a\x00" * 2_000_000), None),
    "300,000 levels": (lambda: one_span(attribute(nested(300_000))), None),
}


def status_of(program, name):
    with open(f"/proc/{program.process.pid}/status") as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name + ":"))


def cpu_seconds(program):
    with open(f"/proc/{program.process.pid}/stat") as text:
        user, system = text.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def is_sanitized(program):
    return status_of(program, "VmPeak") > 1 << 40


def export_code(local, message, compression):
    with grpc.insecure_channel(local.addresses["grpc"], options=[("grpc.max_send_message_length", 1 << 28)]) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        with pytest.raises(grpc.RpcError) as caught:
            call(message, timeout=30, compression=compression)
    return caught.value.code()


def header_flood(local):
    host, port = local.addresses["http"].rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        try:
            connection.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: x\r\n")
            for _ in range(1000):
                connection.sendall(b"".join(b"X-%d: y\r\n" % i for i in range(1000)))
            return connection.recv(100)
        except OSError:
            return b""


def test_bombs(local):
    """Figures for a release build: 20 of them grow the program by 25 MiB at its peak; none takes 0.15 CPU-seconds."""
    limit = 400 * MIB if is_sanitized(local) else 32 * MIB
    patience = 5 if "release" not in os.environ.get("SPANBRIDGE", "release") else 0.3
    before = local.resident_bytes()
    for name, (encoding, coding, make, wanted) in HTTP_BOMBS.items():
        body, used = make(), cpu_seconds(local)
        headers = {"Content_Encoding": coding} if coding else {}
        assert post(local.addresses["http"], body, encoding, **headers)[0] == wanted, name
        assert cpu_seconds(local) - used < patience, name
        assert status_of(local, "VmHWM") - before < limit, name
    for name, (make, compression) in GRPC_BOMBS.items():
        body, used = make(), cpu_seconds(local)
        assert export_code(local, body, compression) == grpc.StatusCode.RESOURCE_EXHAUSTED, name
        assert cpu_seconds(local) - used < patience, name
        assert status_of(local, "VmHWM") - before < limit, name
    header_flood(local)
    assert status_of(local, "VmHWM") - before < limit
    assert get(local.addresses["health"], "/livez")[0] == 200
    assert post(local.addresses["http"], request(span()))[0] == 200


def idle_http(local, body):
    import http.client
    connection = http.client.HTTPConnection(local.addresses["http"])
    connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
    answer = connection.getresponse()
    assert answer.status == 200 and not answer.read()
    return connection


def idle_grpc(local, body):
    channel = grpc.insecure_channel(local.addresses["grpc"], options=[("grpc.use_local_subchannel_pool", 1)])
    channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")(body, timeout=20)
    return channel


@pytest.mark.parametrize("connect, most_bytes", [(idle_http, 16 * 1024), (idle_grpc, 32 * 1024)], ids=["http", "grpc"])
def test_an_idle_connection_is_cheap(local, connect, most_bytes):
    if is_sanitized(local):
        pytest.skip("a sanitizer's allocator keeps what is free")
    body = to_protobuf(request(span()))
    open_ones = [connect(local, body) for _ in range(50)]
    time.sleep(0.5)
    before = local.resident_bytes()
    open_ones += [connect(local, body) for _ in range(300)]
    time.sleep(0.5)
    each = (local.resident_bytes() - before) / 300
    for one in open_ones:
        one.close()
    assert each < 1.5 * most_bytes, f"{each:.0f} bytes"


def test_memory_limiter(start, sink, tmp_path):
    """Above the soft limit clients are told to come again, before the memory is spent; the process stays below the hard one."""
    sink.behave = lambda number, documents: (503, {}, "{}")
    path = tmp_path / "collector.yaml"
    text = collector_yaml(sink.url).replace("exporters: [awsxray]", "processors: [memory_limiter], exporters: [awsxray]")
    path.write_text(text + "processors: {memory_limiter: {check_interval: 1s, limit_mib: 64, spike_limit_mib: 16}}\n")
    program = start("--config", str(path), environment=clean_environment(**AWS_KEYS))
    assert program.addresses, program.log
    if is_sanitized(program):
        pytest.skip("a sanitizer's shadow is above the limit")
    big = to_protobuf(request(*[span(attributes=[{"key": f"k{i}", "value": {"stringValue": "v" * 50}} for i in range(17)]) for _ in range(1000)]))
    answers = [post(program.addresses["http"], big, "protobuf") for _ in range(40)]
    refused = [a for a in answers if a[0] != 200]
    assert 3 < len(answers) - len(refused) < 35 and {a[0] for a in refused} == {503}
    assert refused[-1][1]["Retry-After"] == "1" and b"memory_limiter" in refused[-1][2]
    with grpc.insecure_channel(program.addresses["grpc"]) as channel:
        call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        with pytest.raises(grpc.RpcError) as caught:
            call(big, timeout=20)
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "grpc-status-details-bin" in dict(caught.value.trailing_metadata())
        assert call(b"", timeout=20) == b""  # no spans, no memory
    assert metric_sum(program, "spanbridge_receiver_refused_requests", 'reason="memory_limit"') == len(refused) + 1
    assert status_of(program, "VmHWM") < 64 * MIB
    sink.behave = lambda number, documents: None  # there is room again when it was delivered
    wait_for(lambda: post(program.addresses["http"], big, "protobuf")[0] == 200, "room", timeout=30)
