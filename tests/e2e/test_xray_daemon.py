"""Do documents reach an X-Ray daemon over UDP, whole and none lost, and does a stuck exporter hold up no other?"""
import json
import socket
import threading
import time

import pytest

from conftest import AWS_KEYS, clean_environment, wait_for
from otlp import metric_sum, post, request, span, xray_id

HEADER = b'{"format":"json","version":1}\n'


class Daemon:
    """What an X-Ray daemon does with a datagram: header line, then the document."""

    def __init__(self, port=0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind(("127.0.0.1", port))
        self.socket.settimeout(0.1)
        self.port = self.socket.getsockname()[1]
        self.documents, self.times, self.running = [], [], True
        self.thread = threading.Thread(target=self.receive, daemon=True)
        self.thread.start()

    def receive(self):
        while self.running:
            try:
                datagram = self.socket.recv(65536)
            except TimeoutError:
                continue
            assert datagram.startswith(HEADER), datagram[:60]
            self.documents.append(json.loads(datagram[len(HEADER):]))
            self.times.append(time.monotonic())

    def ids(self):
        return {d["id"] for d in self.documents}

    def close(self):
        self.running = False
        self.thread.join()
        self.socket.close()


@pytest.fixture
def daemon():
    made = Daemon()
    yield made
    made.close()


def yaml(exporters, names):
    return f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:0"}}}}}}}}
exporters:
{exporters}
extensions: {{health_check: {{endpoint: "127.0.0.1:0"}}}}
service:
  extensions: [health_check]
  telemetry: {{metrics: {{address: "127.0.0.1:0"}}}}
  pipelines: {{traces: {{receivers: [otlp], exporters: [{names}]}}}}
"""


def forward(start, tmp_path, keys="", names="xray_daemon", **environment):
    path = tmp_path / "forward.yaml"
    path.write_text(yaml(keys if "\n" in keys else f"  xray_daemon: {{{keys}}}", names))
    program = start("--config", str(path), environment=clean_environment(**environment))
    assert program.addresses, program.log
    return program


def send(program, count, each=10):
    taken = []
    for _ in range(count):
        spans = [span() for _ in range(each)]
        if post(program.addresses["http"], request(*spans))[0] == 200:
            taken += [s["spanId"] for s in spans]
    return taken


def delivered(program, exporter="xray_daemon"):
    return metric_sum(program, "spanbridge_exporter_delivered_documents", f'"{exporter}"')


@pytest.mark.parametrize("form", ["key", "host:port", "tcp first", "udp first"])
def test_documents_arrive_whatever_names_the_daemon(start, tmp_path, daemon, form):
    here = f"127.0.0.1:{daemon.port}"
    variable = {"key": "127.0.0.1:1", "host:port": here, "tcp first": f"tcp:127.0.0.1:1 udp:{here}", "udp first": f"udp:{here} tcp:127.0.0.1:1"}[form]
    program = forward(start, tmp_path, f'endpoint: "{here}"' if form == "key" else "", AWS_XRAY_DAEMON_ADDRESS=variable)
    taken = send(program, 20)
    wait_for(lambda: daemon.ids() == set(taken), "200 documents")
    wait_for(lambda: delivered(program) == 200, "all counted")
    assert program.stop() == 0
    assert len(daemon.documents) == 200


def test_a_daemon_that_is_not_there_yet_is_waited_for(start, tmp_path, daemon):
    port = daemon.port
    daemon.close()
    program = forward(start, tmp_path, f'endpoint: "127.0.0.1:{port}"')
    taken = send(program, 20)
    wait_for(lambda: "the daemon is away" in program.log, "a line that says so")
    assert delivered(program) == 0
    daemon.__init__(port)
    wait_for(lambda: daemon.ids() >= set(taken), "all documents, once it is there", 20)
    wait_for(lambda: delivered(program) == 200, "all counted")
    assert program.stop() == 0


def test_a_stop_with_a_dead_daemon_says_what_is_lost(start, tmp_path, daemon):
    port = daemon.port
    daemon.close()
    program = forward(start, tmp_path, f'endpoint: "127.0.0.1:{port}"')
    assert len(send(program, 1)) == 10
    wait_for(lambda: "the daemon is away" in program.log, "a line that says so")
    assert program.stop() == 3
    daemon.__init__(port)


def test_pace(start, tmp_path, daemon):
    program = forward(start, tmp_path, f'endpoint: "127.0.0.1:{daemon.port}", max_datagrams_per_second: 100')
    taken = send(program, 20)
    wait_for(lambda: daemon.ids() == set(taken), "200 documents")
    assert 1.5 < daemon.times[-1] - daemon.times[0] < 6


def test_a_bad_variable_is_named(start, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(yaml("  xray_daemon:", "xray_daemon"))
    program = start("--config", str(path), environment=clean_environment(AWS_XRAY_DAEMON_ADDRESS="nonsense"))
    assert program.process.wait(10) == 1 and "AWS_XRAY_DAEMON_ADDRESS: nonsense" in program.log


@pytest.mark.parametrize("stuck", ["awsxray", "xray_daemon"])
def test_a_stuck_exporter_delays_no_other(start, tmp_path, daemon, sink, stuck):
    """Three exporters in one pipeline: the others deliver until the queue is full, then it refuses for all; nobody loses."""
    if stuck == "awsxray":
        sink.behave = lambda number, documents: (503, {}, "later")
    pace = ", max_datagrams_per_second: 1" if stuck == "xray_daemon" else ""
    size = "sending_queue: {queue_size: 1MiB}"
    program = forward(start, tmp_path, f"""
  xray_daemon: {{endpoint: "127.0.0.1:{daemon.port}", {size}{pace}}}
  awsxray: {{endpoint: "{sink.url}", region: eu-central-1, {size}}}
  local: {{endpoint: "127.0.0.1:0", directory: "{tmp_path}/store", {size}}}
""", "awsxray, xray_daemon, local", **AWS_KEYS)
    taken = send(program, 20)
    assert len(taken) == 200
    free = {"awsxray": "xray_daemon", "xray_daemon": "awsxray"}[stuck]
    wait_for(lambda: delivered(program, free) == 200 and delivered(program, "local") == 200, "the others' 200 documents", 10)
    assert delivered(program, stuck) < 20
    refused = 0
    for _ in range(300):  # of some 5 KB each: the queue fills up
        spans = [span() for _ in range(20)]
        if post(program.addresses["http"], request(*spans))[0] == 200:
            taken += [s["spanId"] for s in spans]
        else:
            refused += 1
    assert refused > 0, "the queue is bounded"
    wait_for(lambda: delivered(program, free) == len(taken) and delivered(program, "local") == len(taken), "all that was taken, by the others", 10)
    got = daemon.ids() if free == "xray_daemon" else set(sink.ids())
    assert got == set(taken)
    if stuck == "awsxray":
        sink.behave = lambda number, documents: None
        wait_for(lambda: set(sink.ids()) == set(taken), "all of it by the one that was stuck", 20)
