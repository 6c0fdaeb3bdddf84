"""What the end-to-end tests share: the program under test, and an X-Ray that it can upload to.

The program is $SPANBRIDGE (tests/run.sh sets it); all ports are free ones, all folders temporary, nothing
leaves loopback.
"""
import hashlib
import hmac
import json
import os
import pathlib
import re
import resource
import signal
import socket
import struct
import subprocess
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.config import Config

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SPANBRIDGE", str(ROOT / "build/release/spanbridge"))
KEY_ID, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def clean_environment(**extra):
    """The test's own environment without anything of AWS in it, and no look at the user's files."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "OTEL_")) and not k.lower().endswith("_proxy")}
    kept.update(HOME="/nonexistent", AWS_EC2_METADATA_DISABLED="true")
    kept.update({k: v for k, v in extra.items() if v is not None})
    return kept


def unbalanced(page):
    """What of the ledger's two equations does not hold on a page of metrics, in words."""
    sides, wrong = {}, []
    for line in page.splitlines():
        match = re.fullmatch(r"spanbridge_(receiver|exporter)_(\w+)\{(.*)\} (-?\d+)", line)
        if match:
            room, name, labels, value = match.groups()
            who = (room, ",".join(label for label in labels.split(",") if not label.startswith("reason=")))
            column = sides.setdefault(who, {})
            column[name] = column.get(name, 0) + int(value)
    for (room, labels), of in sides.items():
        if room == "receiver":
            left, right = of["received_spans"], of["taken_spans"] + of["refused_spans"]
        else:
            left = of["taken_documents"] + of["recovered_documents"]
            right = of["delivered_documents"] + of["queued_documents"] + of["dropped_documents"]
        if left != right:
            wrong.append(f"{room} {labels}: {left} is not {right}: {of}")
    return wrong


class Program:
    """One running spanbridge. `addresses` is what its ready line says: grpc, http, api, health, metrics."""

    def __init__(self, folder, arguments, environment=None, max_file_bytes=None):
        self.log_path = folder / f"log-{time.monotonic_ns()}"
        limit = (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (max_file_bytes, max_file_bytes))) if max_file_bytes else None
        self.log_file = open(self.log_path, "wb")
        self.process = subprocess.Popen([BINARY, *arguments], stdout=subprocess.PIPE, stderr=self.log_file,
                                        env=environment or clean_environment(), cwd=folder, preexec_fn=limit)
        self.addresses = {}
        timer = threading.Timer(30, self.process.kill)
        timer.start()
        for line in self.process.stdout:
            if line.startswith(b"ready"):
                self.addresses = dict(word.split("=", 1) for word in line.decode().split()[1:])
                break
        timer.cancel()

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def check_ledger(self):
        """The equations hold once it is quiet; of who did not come as far as serving metrics nothing is asked."""
        end = time.monotonic() + 2
        while "metrics" in self.addresses:
            with urllib.request.urlopen(self.url("metrics", "/metrics"), timeout=10) as answer:
                wrong = unbalanced(answer.read().decode())
            if not wrong:
                return
            assert time.monotonic() < end, wrong
            time.sleep(0.05)

    def stop(self, how=signal.SIGTERM, timeout=40):
        """Ends it and gives its exit status. Whatever a test did: before that, the ledger balances."""
        if self.process.poll() is None:
            if how == signal.SIGTERM:
                self.check_ledger()
            self.process.send_signal(how)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.stdout.close()
            self.log_file.close()

    def url(self, port, path=""):
        return f"http://{self.addresses[port]}{path}"

    def xray(self):
        return boto3.client("xray", endpoint_url=self.url("api"), region_name="us-east-1", aws_access_key_id=KEY_ID,
                            aws_secret_access_key=SECRET, config=Config(retries={"max_attempts": 1}))

    def grew_too_much(self, before_bytes):
        """More than hostile input may cost. A sanitizer's build holds on to what it freed."""
        return self.resident_bytes() - before_bytes > (400 << 20 if "asan" in BINARY else 48 << 20)

    def resident_bytes(self):
        return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{self.process.pid}/status").read())[1]) * 1024


@pytest.fixture
def start(tmp_path):
    """start(*arguments, **options) -> Program; all are ended with the test, and must end well."""
    running = []

    def go(*arguments, **options):
        running.append(Program(tmp_path, arguments, **options))
        return running[-1]

    yield go
    for program in running:
        if program.process.poll() is None:
            program.stop()
        log = program.log
        assert "AddressSanitizer" not in log and "runtime error" not in log and "LeakSanitizer" not in log, log[-4000:]
        assert SECRET not in log


LOCAL_PORTS = ["--port", "0", "--set", "receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0", "--set", "receivers.otlp.protocols.http.endpoint=127.0.0.1:0",
               "--set", "extensions.health_check.endpoint=127.0.0.1:0", "--set", "service.telemetry.metrics.address=127.0.0.1:0"]


@pytest.fixture
def local(start, tmp_path):
    program = start("local", "--data", str(tmp_path / "data"), *LOCAL_PORTS)
    assert program.addresses, program.log
    return program


# --- a far end ---

def sigv4_problem(handler, body):
    """None when the request is signed with the test's key as AWS defines it, else what is wrong."""
    match = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
                         handler.headers.get("Authorization", ""))
    if not match:
        return "Authorization is missing or malformed"
    key_id, day, region, service, signed, signature = match.groups()
    names = signed.split(";")
    if key_id != KEY_ID or service != "xray" or not {"host", "x-amz-date", "content-type"} <= set(names):
        return f"scope or signed headers: {match[0]}"
    headers = "".join(f"{n}:{' '.join(handler.headers[n].split())}\n" for n in names)
    canonical = "\n".join([handler.command, handler.path, "", headers, signed, hashlib.sha256(body).hexdigest()])
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", handler.headers["X-Amz-Date"], scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = b"AWS4" + SECRET.encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return None if hmac.new(key, text.encode(), hashlib.sha256).hexdigest() == signature else "the signature does not fit"


class Sink:
    """An X-Ray that records documents. `behave(call number, documents)` may return (status, headers, body),
    "hang", "reset" or "garbage" instead of None, which means: take them all."""

    def __init__(self):
        self.documents, self.calls, self.problems, self.behave = [], 0, [], lambda number, documents: None
        self.lock = threading.Lock()
        self.released = threading.Event()
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.answer(self, body)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *arguments: None
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]

    def answer(self, handler, body):
        documents = [json.loads(text) for text in json.loads(body)["TraceSegmentDocuments"]]
        problem = sigv4_problem(handler, body)
        if handler.path != "/TraceSegments" or len(documents) > 50 or "Expect" in handler.headers or "Content-Encoding" in handler.headers:
            problem = problem or f"not a PutTraceSegments call as agreed: {handler.path}, {len(documents)} documents"
        with self.lock:
            self.calls += 1
            number = self.calls
            if problem:
                self.problems.append(problem)
        how = self.behave(number, documents)
        if how == "hang":
            self.released.wait(60)
            how = "reset"
        if how == "reset":
            handler.close_connection = True
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.shutdown(socket.SHUT_RD)
            return
        if how == "garbage":
            handler.close_connection = True
            handler.wfile.write(b"\x00\xffthis is not HTTP\r\n\r\n")
            return
        status, headers, text = how or (200, {}, '{"UnprocessedTraceSegments": []}')
        if status == 200:
            refused = {entry.get("Id") for entry in (json.loads(text).get("UnprocessedTraceSegments") or [])}
            with self.lock:
                self.documents += [d for d in documents if d["id"] not in refused]
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text.encode())

    def ids(self):
        with self.lock:
            return [d["id"] for d in self.documents]

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def sink():
    made = Sink()
    yield made
    made.close()
    assert not made.problems, made.problems[:3]


def collector_yaml(endpoint, exporter="", extra="", storage=""):
    """`storage`: keys of a file_storage that the service then has."""
    extension = f"\n  file_storage: {{{storage}}}" if storage else ""
    return f"""
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:0"}}
      http: {{endpoint: "127.0.0.1:0"}}
exporters:
  awsxray:
    endpoint: {endpoint}
    region: eu-central-1
{exporter}
extensions:
  health_check: {{endpoint: "127.0.0.1:0"}}{extension}
service:
  extensions: [health_check{", file_storage" if storage else ""}]
  telemetry: {{metrics: {{address: "127.0.0.1:0"}}}}
  pipelines:
    traces: {{receivers: [otlp], exporters: [awsxray]}}
{extra}
"""


AWS_KEYS = dict(AWS_ACCESS_KEY_ID=KEY_ID, AWS_SECRET_ACCESS_KEY=SECRET)


@pytest.fixture
def collector(start, sink, tmp_path):
    """collector(exporter keys, environment) -> Program that uploads to the sink."""
    def go(exporter="", endpoint=None, environment=None, extra="", storage=""):
        path = tmp_path / "collector.yaml"
        path.write_text(collector_yaml(endpoint or sink.url, exporter, extra, storage))
        program = start("--config", str(path), environment=environment or clean_environment(**AWS_KEYS))
        assert program.addresses, program.log
        return program
    return go


def wait_for(condition, what, timeout=15):
    """Until condition() is true; its last value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {timeout} s for: {what}"
        time.sleep(0.05)
