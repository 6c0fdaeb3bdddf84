"""What an X-Ray in trouble costs and loses: OTLP over gRPC in at a steady rate, PutTraceSegments out to a scripted sink.

    build/venv/bin/python bench/load/trouble.py [--rate 2000] [--spans 50] [--seconds 20] [--durable] [CASE...]

Cases: slow (50 ms an answer), throttled, throttling400 (half of the calls), reset (a fifth), unprocessed (a tenth of
the documents, half of those for good), refused, 503, hang (an outage of --seconds between two good spells). Clients
don't resend. Prints per case: spans taken and lost, calls against the fewest possible, attempts while away, how soon
it was empty, the client's p99 and the largest resident memory. --durable: with the
queue on disk. --program: another build; --command: another collector, as in load.py. Refused connections are not seen here.
"""
import argparse
import collections
import json
import pathlib
import random
import re
import shlex
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import load  # noqa: E402

IDS = re.compile(rb'\\"id\\":\\"([0-9a-f]{16})\\"')
GOOD = b'{"UnprocessedTraceSegments":[]}'
ANSWERS = {200: "OK", 400: "Bad Request", 429: "Too Many Requests", 503: "Service Unavailable"}


def answer(status, body, headers=""):
    return f"HTTP/1.1 {status} {ANSWERS[status]}\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


class Sink:
    """Reads whole requests; what it does with one the case says: an answer, None (hang) or "reset"."""

    def __init__(self):
        self.case, self.away, self.latency = "good", False, 0.0
        self.random, self.lock = random.Random(8), threading.Lock()
        self.calls = self.attempts = self.open = self.most_open = 0
        self.seen, self.final, self.connections = collections.Counter(), set(), []
        self.listen(0)

    def listen(self, port):
        self.listener = socket.create_server(("127.0.0.1", port), backlog=256)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def refuse(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def serve(self, connection):
        with self.lock:
            self.open += 1
            self.most_open = max(self.most_open, self.open)
            self.connections.append(connection)
        try:
            self.serve_calls(connection)
        except OSError:
            pass
        with self.lock:
            self.open -= 1
            self.connections.remove(connection)
        connection.close()

    def serve_calls(self, connection):
        rest = b""
        while True:
            while b"\r\n\r\n" not in rest:
                more = connection.recv(1 << 18)
                if not more:
                    return
                rest += more
            head, rest = rest.split(b"\r\n\r\n", 1)
            length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            parts = [rest]
            left = length - len(rest)
            while left > 0:
                parts.append(connection.recv(min(left, 1 << 18)))
                if not parts[-1]:
                    return
                left -= len(parts[-1])
            rest = b""
            reply = self.judge(b"".join(parts))
            if self.latency:
                time.sleep(self.latency)
            if reply == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return
            if reply is None:
                while self.away:
                    time.sleep(0.1)
                time.sleep(3600)  # it never answers, not even after the outage
            connection.sendall(reply)

    def judge(self, body):
        with self.lock:
            self.calls += 1
            if self.away:
                self.attempts += 1
                return {"503": answer(503, b""), "hang": None, "refused": "reset"}[self.case]
            share = {"throttled": 0.5, "throttling400": 0.5, "reset": 0.2}.get(self.case, 0)
            if self.random.random() < share:
                return {"throttled": answer(429, b'{"message":"slow"}', "x-amzn-ErrorType: ThrottledException\r\n"),
                        "throttling400": answer(400, b'{"__type":"Throttling"}'), "reset": "reset"}[self.case]
            ids = IDS.findall(body)
            if self.case != "unprocessed":
                self.seen.update(ids)
                return answer(200, GOOD)
            return answer(200, self.leave_some(ids))

    def leave_some(self, ids):
        entries = []
        for name in ids:
            kind = int(name, 16) % 20
            if kind == 0:
                self.final.add(name)
                entries.append({"Id": name.decode(), "ErrorCode": "InvalidSegment", "Message": "no"})
            elif kind == 1 and self.random.random() < 0.5:
                entries.append({"Id": name.decode(), "ErrorCode": "ThrottledException", "Message": "later"})
            else:
                self.seen[name] += 1
        return json.dumps({"UnprocessedTraceSegments": entries}).encode()


def command_of(options, folder, port, metrics, sink):
    if options.command:
        return options.command.format(grpc=f"127.0.0.1:{port}", sink=sink)
    path = pathlib.Path(folder) / "trouble.yaml"
    storage = f'extensions: {{file_storage: {{directory: "{folder}"}}}}\n' if options.durable else ""
    queue = ", sending_queue: {storage: file_storage}" if options.durable else ""
    path.write_text(storage + f"""
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{awsxray: {{endpoint: "{sink}", region: eu-central-1{queue}}}}}
service:
  {"extensions: [file_storage]" if options.durable else ""}
  telemetry: {{metrics: {{address: "127.0.0.1:{metrics}"}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [awsxray]}}}}
""")
    return f"{options.program or load.ROOT / 'build/release/spanbridge'} --config {shlex.quote(str(path))}"


class Client:
    """Sends `rate` spans a second in requests of `spans`; never again."""

    def __init__(self, port, rate, spans):
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.call = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        self.rate, self.spans, self.sent, self.taken, self.waits, self.flying = rate, spans, 0, 0, [], 0
        self.request = load.ExportTraceServiceRequest.FromString(load.make_request(spans))
        self.lock, self.number = threading.Lock(), 1

    def next_request(self):
        for span in self.request.resource_spans[0].scope_spans[0].spans:
            span.span_id = struct.pack(">Q", self.number)
            span.trace_id = struct.pack(">QQ", int(time.time()) << 32, self.number // 10)
            self.number += 1
        return self.request.SerializeToString()

    def run(self, seconds):
        start, due = time.monotonic(), time.monotonic()
        while time.monotonic() - start < seconds:
            self.send()
            due += self.spans / self.rate
            time.sleep(max(0, due - time.monotonic()))

    def send(self):
        began, request = time.monotonic(), self.next_request()
        future = self.call.future(request, timeout=30)
        with self.lock:
            self.sent += self.spans
            self.flying += 1
        began = time.monotonic()

        def done(result):
            with self.lock:
                self.flying -= 1
                self.waits.append(time.monotonic() - began)
                self.taken += self.spans if result.exception() is None else 0

        future.add_done_callback(done)

    def p99_ms(self):
        return 1000 * sorted(self.waits)[int(len(self.waits) * 0.99)]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def wait_until_empty(sink, client, most_s):
    """Until every span taken has arrived or was refused for good, or nothing more comes."""
    start = time.monotonic()
    while time.monotonic() - start < most_s and len(sink.seen) + len(sink.final) < client.taken:
        time.sleep(0.05)
    return time.monotonic() - start


def refusals(port):
    try:
        page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=2).read().decode()
    except OSError:
        return "?"
    return " ".join(re.sub(r".*reason=", "", line) for line in page.split("\n") if line.startswith("spanbridge_exporter_dropped_documents{")) or "none"


def run_case(name, options):
    sink = Sink()
    port, metrics = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        process = load.Process(command_of(options, folder, port, metrics, f"http://127.0.0.1:{sink.port}"))
        try:
            load.wait_for_port(port)
            measure(name, sink, Client(port, options.rate, options.spans), process, metrics, options)
        finally:
            process.child.kill()
            process.child.wait(30)


def measure(name, sink, client, process, metrics, options):
    peak = [0.0]
    ends = threading.Event()

    def watch():
        while not ends.wait(0.2):
            peak[0] = max(peak[0], process.resident_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    outage = name in ("refused", "503", "hang")
    sink.case, sink.latency = name, 0.05 if name == "slow" else 0.0
    if outage:
        client.run(3)
        sink.away = True
        if name == "refused":
            sink.refuse()
    client.run(options.seconds)
    if outage:
        sink.away = False
        if name == "refused":
            sink.listen(sink.port)
    while client.flying:
        time.sleep(0.01)
    empty_s = wait_until_empty(sink, client, 90)
    time.sleep(0.5)
    ends.set()
    watcher.join()
    lost = client.taken - len(sink.seen) - len(sink.final)
    print(f"load/trouble {name}: {client.sent} sent, {client.taken} taken, {lost} lost, {len(sink.final)} refused for good (counted: {refusals(metrics)}), "
          f"{sum(sink.seen.values()) - len(sink.seen)} twice, calls x{sink.calls / (client.taken / 50):.2f}, {sink.most_open} connections, "
          f"{'-' if name == 'refused' else round(sink.attempts / options.seconds, 1)} attempts/s while away, empty after {empty_s:.1f} s, p99 {client.p99_ms():.1f} ms, "
          f"{peak[0]:.1f} MB resident at most", flush=True)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--rate", type=int, default=2000)
parser.add_argument("--spans", type=int, default=50)
parser.add_argument("--seconds", type=float, default=20)
parser.add_argument("--durable", action="store_true", help="with the queue on disk")
parser.add_argument("--program", help="instead of build/release/spanbridge")
parser.add_argument("--command")
parser.add_argument("cases", nargs="*", default=["slow", "throttled", "throttling400", "reset", "unprocessed", "refused", "503", "hang"])
given = parser.parse_args()
for case in given.cases:
    run_case(case, given)
