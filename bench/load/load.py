"""What a span costs from end to end: OTLP over gRPC in, signed PutTraceSegments out to a sink on loopback.

    build/venv/bin/python bench/load/load.py [--spans 512] [--seconds 5] [--command CMD]

Prints CPU time per span of the collector's process alone (the sender and the sink are other processes or not
counted), spans per CPU-second and resident memory. CMD runs another collector under the same load: a shell command
with {grpc}, the address to listen on, and {sink}, the X-Ray endpoint to send to.
"""
import argparse
import os
import pathlib
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
import time

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n{"UnprocessedTraceSegments": []}'
ATTRIBUTES = {  # a realistic server span: 17 attributes
    "http.request.method": "GET", "url.path": "/api/v1/items/42", "url.scheme": "https", "server.address": "shop.example.com", "server.port": 443,
    "http.response.status_code": 200, "client.address": "192.0.2.7", "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64)", "network.protocol.version": "1.1",
    "thread.id": 17, "thread.name": "worker-3", "app.tenant": "acme", "app.cart.items": 3, "app.price": 19.99, "app.flag": True,
    "code.function": "handle_request", "http.route": "/api/v1/items/{id}"}


def serve(connection):
    """Reads whole requests and says yes; parses nothing but the length."""
    rest = b""
    while True:
        while b"\r\n\r\n" not in rest:
            more = connection.recv(1 << 18)
            if not more:
                return
            rest += more
        head, rest = rest.split(b"\r\n\r\n", 1)
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        left, rest = length - len(rest), b""
        while left > 0:
            left -= len(connection.recv(min(left, 1 << 18)))
        connection.sendall(ANSWER)


def start_sink():
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        while True:
            threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return "http://127.0.0.1:%d" % listener.getsockname()[1]


def make_request(spans):
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    put(resource.resource.attributes.add(), "service.name", "shop")
    scope = resource.scope_spans.add()
    for _ in range(spans):
        span = scope.spans.add(trace_id=os.urandom(16), span_id=os.urandom(8), parent_span_id=os.urandom(8), name="GET /api/v1/items/{id}", kind=2,
                               start_time_unix_nano=time.time_ns() - 10**7, end_time_unix_nano=time.time_ns())
        for key, value in ATTRIBUTES.items():
            put(span.attributes.add(), key, value)
    return request.SerializeToString()


def put(attribute, key, value):
    attribute.key = key
    field = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}[type(value)]
    setattr(attribute.value, field, value)


def own_command(folder, port, sink):
    path = pathlib.Path(folder) / "load.yaml"
    path.write_text(f"""
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{awsxray: {{endpoint: "{sink}", region: eu-central-1}}}}
service: {{telemetry: {{metrics: {{level: none}}}}, pipelines: {{traces: {{receivers: [otlp], exporters: [awsxray]}}}}}}
""")
    return f"{ROOT}/build/release/spanbridge --config {shlex.quote(str(path))}"


class Process:
    def __init__(self, command):
        environment = dict(os.environ, AWS_ACCESS_KEY_ID="AKIDEXAMPLE", AWS_SECRET_ACCESS_KEY="secret", AWS_REGION="eu-central-1")
        self.child = subprocess.Popen("exec " + command, shell=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def cpu_seconds(self):
        fields = open(f"/proc/{self.child.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mb(self):
        return next(int(line.split()[1]) for line in open(f"/proc/{self.child.pid}/status") if line.startswith("VmRSS")) / 1024


def wait_for_port(port):
    for _ in range(200):
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
    sys.exit("the collector does not listen")


def run(options):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    sink = start_sink()
    with tempfile.TemporaryDirectory() as folder:
        command = options.command.format(grpc=f"127.0.0.1:{port}", sink=sink) if options.command else own_command(folder, port, sink)
        process = Process(command)
        try:
            wait_for_port(port)
            measure(process, port, options)
        finally:
            process.child.terminate()
            process.child.wait(30)


def measure(process, port, options):
    requests = [make_request(options.spans) for _ in range(4)]
    call = grpc.insecure_channel(f"127.0.0.1:{port}").unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
    call(requests[0], timeout=10)
    rest_mb, before, start = process.resident_mb(), process.cpu_seconds(), time.monotonic()
    taken = refused = 0
    peak_mb, flying = rest_mb, []
    while time.monotonic() - start < options.seconds or flying:
        while len(flying) < 4 and time.monotonic() - start < options.seconds:
            flying.append(call.future(requests[taken // options.spans % 4], timeout=30))
        try:
            flying.pop(0).result()
            taken += options.spans
        except grpc.RpcError:
            refused += options.spans
        if taken // options.spans % 32 == 0:
            peak_mb = max(peak_mb, process.resident_mb())
    time.sleep(2)  # for what is queued
    used = process.cpu_seconds() - before
    print(f"load/grpc_to_http {options.spans} spans/request {1e6 * used / taken:.2f} us/span {taken / used:.0f} spans/CPU-s, "
          f"{taken} taken, {refused} refused, resident {rest_mb:.1f} MB at rest, {peak_mb:.1f} MB at peak")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=512)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--command")
    run(parser.parse_args())
