"""Does `spanbridge why` say of each trace what became of it, knowing nothing but its id?"""
import json
import os
import pty
import subprocess
import urllib.error
import urllib.request

import pytest

from conftest import AWS_KEYS, BINARY, clean_environment, collector_yaml, unbalanced, wait_for
from otlp import post, request, span, xray_id


def why(program, trace_id):
    """The answer as a script gets it."""
    run = subprocess.run([BINARY, "why", trace_id, "--endpoint", program.addresses["metrics"]], capture_output=True, text=True,
                         timeout=20, env=clean_environment())
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def on_a_terminal(*arguments):
    """What a person sees."""
    master, slave = pty.openpty()
    run = subprocess.run([BINARY, *arguments], stdout=slave, stderr=subprocess.PIPE, timeout=20, env=clean_environment())
    os.close(slave)
    text = os.read(master, 65536).decode()
    os.close(master)
    assert run.returncode == 0, run.stderr
    return text


def take(program, *spans):
    assert post(program.addresses["http"], request(*spans))[0] == 200


def test_delivered_in_both_spellings(local):
    one = span()
    take(local, one, span(trace_id=one["traceId"]))
    wait_for(lambda: why(local, one["traceId"])["state"] == "delivered", "delivered")
    answer = why(local, one["traceId"])
    assert answer == why(local, xray_id(one["traceId"])) == why(local, one["traceId"].upper())
    assert answer["trace_id"] == xray_id(one["traceId"]) and answer["exporters"][0]["delivered"] == 2
    by_the_api = subprocess.run([BINARY, "why", one["traceId"], "--endpoint", local.url("api", "/")], capture_output=True, timeout=20)
    assert json.loads(by_the_api.stdout) == answer
    assert on_a_terminal("why", one["traceId"], "--endpoint", local.addresses["metrics"]).startswith(
        "delivered: 2 documents by exporter local (stored on this machine)")


def test_not_seen_is_said_with_a_time(local):
    take(local, span())
    answer = why(local, "5759e988bd862e3fe1be46a994272793")
    assert answer["state"] == "not_seen" and answer["answer"] == [f"not seen since {answer['complete_since']}"]


def test_older_traces_are_not_guessed_at(start, tmp_path):
    from conftest import LOCAL_PORTS
    program = start("local", "--data", str(tmp_path / "data"), *LOCAL_PORTS, "--set", "service.telemetry.ledger.traces=10")
    spans = [span() for _ in range(11)]
    for one in spans:
        take(program, one)
    wait_for(lambda: why(program, spans[10]["traceId"])["state"] == "delivered", "delivered")
    assert why(program, spans[0]["traceId"])["state"] == "not_seen"
    assert why(program, spans[1]["traceId"])["state"] == "delivered"


def test_a_span_that_was_refused(local):
    good = span()
    bad = span(trace_id=good["traceId"], span_id="00")
    take(local, good, bad)
    answer = wait_for(lambda: (lambda a: a["state"] == "partly_refused" and a)(why(local, good["traceId"])), "both fates")
    assert answer["refused_spans"]["reason"] == "invalid" and "delivered" in " ".join(answer["answer"])
    assert "span id is missing" in answer["refusals"][0]["message"]


def test_what_an_uploader_meets(collector, sink):
    """Waiting, and why; then delivered, but for one document that X-Ray will not have."""
    good, bad = span(), span()
    away = True

    def behave(number, documents):
        if away:
            return 503, {}, "try later"
        refused = [{"Id": d["id"], "ErrorCode": "InvalidSegment", "Message": d["name"]} for d in documents if d["id"] == bad["spanId"]]
        return 200, {}, json.dumps({"UnprocessedTraceSegments": refused})

    sink.behave = behave
    program = collector()
    take(program, good, bad)
    answer = wait_for(lambda: (lambda a: "attempts fail since" in a["answer"][0] and a)(why(program, good["traceId"])), "an attempt that failed")
    assert answer["state"] == "waiting" and answer["answer"][0].startswith("waiting: 1 document for exporter awsxray since 2"), answer
    away = False
    wait_for(lambda: why(program, good["traceId"])["state"] == "delivered", "delivered")
    answer = why(program, bad["traceId"])
    assert answer["state"] == "refused" and answer["exporters"][0]["reason"] == "InvalidSegment"
    assert answer["refusals"][0]["span_id"] == bad["spanId"] and bad["name"] not in json.dumps(answer)
    assert good["spanId"] in sink.ids()


def test_refused_credentials_are_the_reason(collector, sink):
    one = span()
    sink.behave = lambda number, documents: (403, {"x-amzn-ErrorType": "AccessDeniedException"}, "{}")
    program = collector(extra="  shutdown_timeout: 1s")
    take(program, one)
    answer = wait_for(lambda: (lambda a: "AccessDenied" in a["answer"][0] and a)(why(program, one["traceId"])), "the reason")
    assert answer["answer"][0].startswith("waiting: ") and "uploads are refused" in answer["answer"][0]
    assert program.stop() == 3


def test_nobody_to_ask(local):
    def ask(endpoint):
        return subprocess.run([BINARY, "why", "5759e988bd862e3fe1be46a994272793", "--endpoint", endpoint], capture_output=True, text=True,
                              timeout=20, env=clean_environment())
    nobody, another = ask("127.0.0.1:1"), ask(local.addresses["health"])
    assert nobody.returncode == 1 and "nothing answers at 127.0.0.1:1" in nobody.stderr
    assert another.returncode == 1 and "no control port of spanbridge" in another.stderr


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}])
def test_pages_of_other_sites_are_not_answered(local, headers):
    asked = urllib.request.Request(local.url("metrics", "/why"), headers=headers)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(asked, timeout=10)


def test_the_check_of_the_equations_sees_a_gap():
    page = ('spanbridge_exporter_taken_documents{exporter="x"} 5\nspanbridge_exporter_recovered_documents{exporter="x"} 1\n'
            'spanbridge_exporter_delivered_documents{exporter="x"} 3\nspanbridge_exporter_queued_documents{exporter="x"} 1\n'
            'spanbridge_exporter_dropped_documents{exporter="x",reason="a"} 1\n')
    assert unbalanced(page) and not unbalanced(page + 'spanbridge_exporter_dropped_documents{exporter="x",reason="b"} 1\n')


def test_a_backlog_of_an_earlier_run(start, sink, tmp_path):
    """After a restart no trace of before is known by name: the answer says how many it may be among."""
    sink.behave = lambda number, documents: (503, {}, "try later")
    text = collector_yaml(sink.url, "    sending_queue: {storage: file_storage}", "  shutdown_timeout: 0s")
    text = text.replace("extensions:\n", "extensions:\n  file_storage: {directory: \"%s\", create_directory: true}\n" % (tmp_path / "queue"), 1)
    text = text.replace("[health_check]", "[health_check, file_storage]")
    (tmp_path / "durable.yaml").write_text(text)

    def run():
        program = start("--config", str(tmp_path / "durable.yaml"), environment=clean_environment(**AWS_KEYS))
        assert program.addresses, program.log
        return program

    old, new = span(), span()
    program = run()
    take(program, old)
    assert why(program, old["traceId"])["state"] == "waiting"
    assert program.stop() == 0
    program = run()
    take(program, new)
    answer = why(program, old["traceId"])
    assert answer["state"] == "not_seen" and answer["answer"][1] == (
        "it may be among what waits for exporter awsxray since before that: 1 document (found in its queue at the start)")
    assert why(program, new["traceId"])["state"] == "waiting"
    sink.behave = lambda number, documents: None
    wait_for(lambda: why(program, old["traceId"])["state"] == "delivered", "the old one delivered")
    assert program.stop() == 0
