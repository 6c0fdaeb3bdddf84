"""Do signed segments reach X-Ray, whatever X-Ray does, and is nothing accepted lost while the process lives?"""
import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from conftest import AWS_KEYS, ROOT, SECRET, KEY_ID, clean_environment, wait_for
from otlp import get, metric_sum, post, request, span, xray_id


def send(program, count, each=1):
    """Sends `count` requests of `each` spans; the span ids that were accepted."""
    taken = []
    for _ in range(count):
        spans = [span() for _ in range(each)]
        if post(program.addresses["http"], request(*spans))[0] == 200:
            taken += [s["spanId"] for s in spans]
    return taken


def all_delivered(sink, taken, timeout=20):
    wait_for(lambda: set(taken) <= set(sink.ids()), f"{len(taken)} documents", timeout)


def test_sdk_spans_arrive_signed(collector, sink):
    program = collector()
    run = subprocess.run([sys.executable, ROOT / "demo/shop.py", program.addresses["grpc"], program.addresses["http"]],
                         capture_output=True, text=True, timeout=60, env=clean_environment())
    assert run.returncode == 0, run.stderr
    wait_for(lambda: len(sink.ids()) >= 9, "the shop's nine documents")
    traces = {xray_id(line.split()[0]) for line in run.stdout.splitlines()}
    assert {d["trace_id"] for d in sink.documents} == traces
    assert metric_sum(program, "otelcol_receiver_accepted_spans") == len(sink.ids())
    wait_for(lambda: metric_sum(program, "otelcol_exporter_sent_spans") == len(sink.ids()), "sent spans counted")
    assert program.stop() == 0


def test_calls_are_packed(collector, sink):
    program = collector()
    all_delivered(sink, send(program, 2, each=400))
    assert sink.calls <= 30  # 800 documents, 50 a call, and some calls that caught less


THROTTLED = (429, {"x-amzn-ErrorType": "ThrottledException"}, '{"Message":"slow down"}')
UNAVAILABLE = (503, {}, "try later")
THROTTLED_400 = (400, {"x-amzn-ErrorType": "ThrottlingException:"}, '{"message":"Rate exceeded"}')


@pytest.mark.parametrize("trouble", [THROTTLED, THROTTLED_400, UNAVAILABLE, "reset", "garbage", (200, {}, '{"Unproc')],
                         ids=["429", "throttled as 400", "503", "reset", "garbage", "cut body"])
def test_trouble_is_never_a_loss(collector, sink, trouble):
    if trouble == (200, {}, '{"Unproc'):
        sink.behave = lambda number, documents: (500, {}, '{"Unproc') if number % 2 else None
    else:
        sink.behave = lambda number, documents: trouble if number % 2 else None
    program = collector()
    all_delivered(sink, send(program, 20, each=20))
    assert program.stop() == 0


def test_a_hanging_call_is_given_up_and_repeated(collector, sink):
    sink.behave = lambda number, documents: "hang" if number == 1 else None
    program = collector("    request_timeout_seconds: 1")
    all_delivered(sink, send(program, 5))


def test_an_endpoint_that_refuses_connections_is_waited_for(collector, sink):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = free.getsockname()
    program = collector(endpoint="http://127.0.0.1:%d" % address[1])
    taken = send(program, 5)
    wait_for(lambda: "refused" in program.log, "a log line that says refused")
    sink_socket = socket.socket()
    sink_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sink_socket.bind(address)
    sink_socket.listen(16)
    old, sink.server.socket = sink.server.socket, sink_socket
    sink.server.shutdown()
    old.close()
    import threading
    threading.Thread(target=sink.server.serve_forever, daemon=True).start()
    all_delivered(sink, taken)


def test_unprocessed_segments_are_retried_or_counted(collector, sink):
    seen = {}

    def behave(number, documents):
        entries = []
        for d in documents:
            seen[d["id"]] = seen.get(d["id"], 0) + 1
            if d["name"] == "never":
                entries.append({"Id": d["id"], "ErrorCode": "InvalidSegment", "Message": "no"})
            elif d["name"] == "later" and seen[d["id"]] == 1:
                entries.append({"Id": d["id"], "ErrorCode": "ThrottledException", "Message": "later"})
        return 200, {}, json.dumps({"UnprocessedTraceSegments": entries})

    sink.behave = behave
    program = collector()
    spans = {name: [span() for _ in range(5)] for name in ("fine", "later", "never")}
    for name, some in spans.items():
        assert post(program.addresses["http"], request(*some, service=name))[0] == 200
    all_delivered(sink, [s["spanId"] for name in ("fine", "later") for s in spans[name]])
    wait_for(lambda: metric_sum(program, "spanbridge_exporter_dropped_documents", "InvalidSegment") == 5, "refused documents counted by code")
    assert all(seen[s["spanId"]] == 1 for s in spans["never"] + spans["fine"])
    assert "InvalidSegment" in program.log and any(xray_id(s["traceId"]) in program.log for s in spans["never"])


def test_one_bad_document_does_not_take_its_neighbours(collector, sink):
    sink.behave = lambda number, documents: (400, {"x-amzn-ErrorType": "InvalidRequestException"}, "{}") if any(d["name"] == "bad" for d in documents) else None
    program = collector()
    good = [span() for _ in range(40)]
    body = request(*good[:20], service="good")
    body["resourceSpans"] += request(span(), service="bad")["resourceSpans"] + request(*good[20:], service="good")["resourceSpans"]
    assert post(program.addresses["http"], body)[0] == 200
    all_delivered(sink, [s["spanId"] for s in good])
    wait_for(lambda: metric_sum(program, "spanbridge_exporter_dropped_documents") == 1, "the bad one counted")


def test_missing_credentials_are_waited_for(collector, sink, tmp_path):
    credentials = tmp_path / "credentials"
    program = collector(environment=clean_environment(AWS_SHARED_CREDENTIALS_FILE=str(credentials)))
    taken = send(program, 3)
    assert len(taken) == 3
    wait_for(lambda: "credentials" in program.log, "a line that says what is missing")
    status, body = get(program.addresses["health"], "/readyz")
    assert status == 503 and "credentials" in body
    credentials.write_text(f"[default]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n")
    all_delivered(sink, taken, timeout=60)
    wait_for(lambda: get(program.addresses["health"], "/readyz")[0] == 200, "ready again")


def test_missing_region_is_said(start, sink, tmp_path):
    from conftest import collector_yaml
    path = tmp_path / "c.yaml"
    path.write_text(collector_yaml(sink.url).replace("    region: eu-central-1\n", ""))
    program = start("--config", str(path), "--set", "service.shutdown_timeout=1s", environment=clean_environment(**AWS_KEYS))
    assert program.addresses, program.log
    assert len(send(program, 1)) == 1
    wait_for(lambda: "AWS_REGION" in program.log, "a line that says how to name a region")
    assert get(program.addresses["health"], "/readyz")[0] == 503


def test_sigterm_drains(collector, sink):
    sink.behave = lambda number, documents: time.sleep(0.3)
    program = collector()
    taken = send(program, 10, each=100)
    assert program.stop(signal.SIGTERM) == 0
    assert set(taken) <= set(sink.ids())


def test_sigterm_with_a_dead_end_counts_what_it_gives_up(collector, sink):
    sink.behave = lambda number, documents: UNAVAILABLE
    program = collector(extra="  shutdown_timeout: 1s")
    assert len(send(program, 3)) == 3
    assert program.stop(signal.SIGTERM) == 3
    assert "given_up_documents=3" in program.log


def test_a_full_queue_refuses_and_loses_nothing(collector, sink):
    sink.behave = lambda number, documents: None if sink.released.is_set() else UNAVAILABLE
    program = collector("    sending_queue: {queue_size: 200000, sizer: bytes}")
    taken, refused = [], 0
    for _ in range(40):
        spans = [span(attributes=[{"key": "text", "value": {"stringValue": "x" * 1000}}]) for _ in range(10)]
        status, headers, body = post(program.addresses["http"], request(*spans))
        if status == 200:
            taken += [s["spanId"] for s in spans]
        else:
            assert status == 503 and int(headers["Retry-After"]) >= 1 and json.loads(body)["code"] in (8, 14)
            refused += 1
    assert taken and refused
    sink.released.set()
    all_delivered(sink, taken)
    assert metric_sum(program, "spanbridge_receiver_refused_spans", "queue_full") == refused * 10
