"""Does the command line keep its promises: exit statuses, clear words, places of mistakes?"""
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

from conftest import AWS_KEYS, BINARY, LOCAL_PORTS, SECRET, clean_environment, collector_yaml
from otlp import get, metrics, post, request, span, to_protobuf, xray_id


def run(*arguments, stdin=b"", cwd=None, **environment):
    return subprocess.run([BINARY, *arguments], input=stdin, capture_output=True, timeout=30, cwd=cwd, env=clean_environment(**environment))


def test_no_argument_explains_itself():
    answer = run()
    assert answer.returncode == 2 and b"spanbridge local" in answer.stderr and 5 <= answer.stderr.count(b"\n") <= 12


@pytest.mark.parametrize("arguments, status", [
    (["--version"], 0), (["--help"], 0), (["components"], 0), (["components", "awsxray"], 0), (["components", "nope"], 1), (["run"], 2),
    (["nonsense"], 2), (["local", "--nonsense"], 2), (["local", "--port", "70000"], 2), (["local", "--port", "x"], 2), (["why", "1-2-3"], 2), (["translate", "--options"], 2), (["validate"], 0),
    (["validate", "--strict=false"], 0), (["validate", "--strict=maybe"], 2)])
def test_exit_statuses(arguments, status):
    answer = run(*arguments)
    assert answer.returncode == status, answer.stderr


@pytest.mark.parametrize("encode", [lambda r: json.dumps(r).encode(), to_protobuf], ids=["json", "protobuf"])
def test_translate_prints_one_document_a_line(tmp_path, encode):
    spans = [span(name=f"n{i}", attributes=[{"key": "a.b", "value": {"stringValue": "line\nbreak"}}]) for i in range(3)]
    (tmp_path / "request").write_bytes(encode(request(*spans)))
    for answer in (run("translate", str(tmp_path / "request")), run("translate", stdin=encode(request(*spans)))):
        assert answer.returncode == 0, answer.stderr
        assert [json.loads(line)["id"] for line in answer.stdout.splitlines()] == [s["spanId"] for s in spans]


def test_translate_options():
    body = json.dumps(request(span(attributes=[{"key": "a.b", "value": {"stringValue": "v"}}]))).encode()
    plain = json.loads(run("translate", "--options", "yaml:{}", stdin=body).stdout)
    indexed = json.loads(run("translate", "--options", "yaml:{index_all_attributes: true}", stdin=body).stdout)
    assert "annotations" not in plain and plain["metadata"]["default"]["a.b"] == "v"
    assert indexed["annotations"]["a.b"] == "v"
    pattern = run("translate", "--options", 'yaml:{indexed_attributes: ["a.*"]}', stdin=body)
    assert json.loads(pattern.stdout)["annotations"] == {"a.b": "v"} and not pattern.stderr
    wrong = run("translate", "--options", "yaml:{index_all_atributes: true}", stdin=body)
    assert wrong.returncode == 1 and b"index_all_attributes" in wrong.stderr


def test_translate_onto_a_full_disk_says_so():
    body = json.dumps(request(span())).encode()
    with open("/dev/full", "wb") as full:
        answer = subprocess.run([BINARY, "translate"], input=body, stdout=full, stderr=subprocess.PIPE, timeout=30, env=clean_environment())
    assert answer.returncode == 1 and b"standard output: No space left" in answer.stderr, answer.stderr


def test_translate_of_garbage_says_where():
    answer = run("translate", stdin=b'{"resourceSpans": [}')
    assert answer.returncode == 1 and b"byte" in answer.stderr and not answer.stdout


def lines_of(*names):
    return [json.dumps(request(span(name=name, kind=1, attributes=[{"key": "http.request.method", "value": {"stringValue": "PUT"}}]))) for name in names]


def test_translate_takes_lines_as_they_come():
    first, second = lines_of("one", "two")
    program = subprocess.Popen([BINARY, "translate"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=clean_environment())
    try:
        program.stdin.write(f"{first}\n".encode())
        program.stdin.flush()
        assert json.loads(program.stdout.readline())["name"] == "one" # while the input is open
        rest, _ = program.communicate(f"\n  \n{second}".encode(), timeout=30)
        assert json.loads(rest)["name"] == "two" and program.returncode == 0
    finally:
        program.kill()


@pytest.mark.parametrize("text", ["{0}\n{1}\n", "\n{0}\n{1}", "{0}\r\n \r\n{1}\r\n"], ids=["lines", "blank first", "other ends"])
def test_translate_of_lines(text):
    one, two = lines_of("one", "two")
    pretty = [json.dumps(json.loads(line), indent=1) for line in (one, two)]
    for pair in ((one, two), pretty):
        answer = run("translate", stdin=text.format(*pair).encode())
        assert answer.returncode == 0, answer.stderr
        assert [json.loads(line)["name"] for line in answer.stdout.splitlines()] == ["one", "two"]


def test_translate_of_a_wrong_line_says_where():
    one, two = lines_of("one", "two")
    answer = run("translate", stdin=f'{one}\n\n{{"resourceSpans": 7}}\n{two}\n'.encode())
    assert answer.returncode == 1 and b"line 3, byte 18" in answer.stderr, answer.stderr
    assert [json.loads(line)["name"] for line in answer.stdout.splitlines()] == ["one"]


def test_explain_names_attribute_rule_and_source():
    answer = run("translate", "--explain", "--options", "yaml:{index_all_attributes: true}", stdin="\n".join(lines_of("one", "two")).encode())
    rows = [line.split("\t") for line in answer.stdout.decode().splitlines()]
    assert answer.returncode == 0 and {len(row) for row in rows} == {6}
    for document, name in (("1", "one"), ("2", "two")):
        assert [document, "name", f'"{name}"', "field:name", "name", "R"] in rows
        assert [document, "http.request.method", '"PUT"', "span:http.request.method", "http", "AR"] in rows


def test_the_mapping_is_the_page():
    page = pathlib.Path(__file__).parents[2] / "docs" / "mapping.md"
    assert run("translate", "--mapping").stdout == page.read_bytes()


def span_ids(line):
    return [s["spanId"] for r in json.loads(line)["resourceSpans"] for scope in r["scopeSpans"] for s in scope["spans"]]


def test_reverse_and_back_again():
    legacy = (pathlib.Path(__file__).parent.parent / "data" / "legacy-segments.jsonl").read_bytes()
    spans = run("translate", "--reverse", stdin=legacy)
    assert spans.returncode == 0 and len(spans.stdout.splitlines()) == len(legacy.splitlines()), spans.stderr
    for segment, line in zip(legacy.splitlines(), spans.stdout.splitlines()):
        want, back = json.loads(segment), run("translate", stdin=line)
        documents = [json.loads(document) for document in back.stdout.splitlines()]
        assert back.returncode == 0 and [documents[0][key] for key in ("name", "id", "trace_id")] == [want[key] for key in ("name", "id", "trace_id")]
        assert {d["parent_id"] for d in documents[1:]} <= {d["id"] for d in documents}
    pretty = json.dumps(json.loads(legacy.splitlines()[2]), indent=2).encode()
    assert span_ids(run("translate", "--reverse", stdin=pretty).stdout) == span_ids(spans.stdout.splitlines()[2])


@pytest.mark.parametrize("text, words", [
    ("{", [b"line 1", b"byte"]), ("[]", [b"line 1, byte 0", b"object"]), ('{"name": "a"}', [b"line 1", b"id"]),
    ('GOOD\n{"name": "a", "id": 7}', [b"line 2", b"id"])], ids=["cut", "a list", "no id", "the second line"])
def test_reverse_of_what_is_no_segment_says_where(text, words):
    good = '{"name": "a", "id": "70de5b6f19ff9a0a", "trace_id": "1-581cf771-a006649127e371903a2de979", "start_time": 1, "end_time": 2}'
    answer = run("translate", "--reverse", stdin=text.replace("GOOD", good).encode())
    assert answer.returncode == 1 and all(word in answer.stderr for word in words), answer.stderr
    assert len(answer.stdout.splitlines()) == text.count("GOOD")


@pytest.mark.parametrize("other", [["--options", "yaml:{index_all_attributes: true}"], ["--explain"], ["--mapping"]])
def test_reverse_takes_no_options(other):
    answer = run("translate", "--reverse", *other, stdin=b"{}")
    assert answer.returncode == 2 and b"--reverse" in answer.stderr and not answer.stdout, answer


def test_options_that_rename_nothing_are_refused():
    answer = run("translate", "--options", "yaml:{indexed_attributes: ['a* -> b']}", stdin=lines_of("one")[0].encode())
    assert answer.returncode == 1 and b"'a* -> b' renames nothing" in answer.stderr and not answer.stdout, answer


def test_explain_knows_renames():
    options = "yaml:{indexed_attributes: ['http.request.method -> verb']}"
    answer = run("translate", "--explain", "--options", options, stdin=lines_of("one")[0].encode())
    assert b"1\tannotations.verb\t\"PUT\"\tspan:http.request.method\tannotation\tAR" in answer.stdout, answer


def broken(text, old, new):
    assert old in text
    return text.replace(old, new)


GOOD = collector_yaml("http://127.0.0.1:1")


@pytest.mark.parametrize("text, words", [
    (broken(GOOD, "region: eu", "regoin: eu"), ["c.yaml:10:5", "regoin", "region"]),
    (broken(GOOD, "exporters: [awsxray]", "exporters: [awsxrai]"), ["c.yaml:18", "awsxrai", "awsxray"]),
    (broken(GOOD, "  otlp:\n", "  oltp:\n"), ["c.yaml", "oltp", "otlp"]),
    (broken(GOOD, "receivers:\n", "recievers:\n"), ["c.yaml:2:1", "recievers", "receivers"]),
    (GOOD + "\n  - [broken", ["c.yaml:"]),
    ("", ["c.yaml"]),
    (broken(GOOD, "    region: eu-central-1", "    request_timeout_seconds: soon"), ["c.yaml:10", "request_timeout_seconds", "soon"]),
], ids=["unknown key", "undefined exporter", "unknown type", "unknown section", "not YAML", "empty", "wrong type"])
def test_a_broken_configuration_names_the_place(tmp_path, text, words):
    (tmp_path / "c.yaml").write_text(text)
    for command in ("validate", "run"):
        answer = run(command, "--config", "c.yaml", cwd=tmp_path)
        assert answer.returncode == 1
        assert all(w in answer.stderr.decode() for w in words), answer.stderr.decode()


def test_every_mistake_is_told_at_once(tmp_path):
    text = broken(broken(GOOD, "region: eu", "regoin: eu"), "exporters: [awsxray]", "exporters: [awsxrai]")
    (tmp_path / "c.yaml").write_text(text)
    answer = run("validate", "--config", "c.yaml", "--set", "service.telemetry.logs.level=loud", cwd=tmp_path)
    assert answer.returncode == 1
    assert all(w in answer.stderr.decode() for w in ("regoin", "awsxrai", "loud")), answer.stderr.decode()


def test_an_unreadable_configuration(tmp_path):
    answer = run("--config", str(tmp_path / "absent.yaml"))
    assert answer.returncode == 1 and b"absent.yaml" in answer.stderr and b"No such file" in answer.stderr


def test_a_start_that_waits_for_its_configuration_can_be_ended(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    program = subprocess.Popen([BINARY, "--config", str(tmp_path / "pipe.yaml")], env=clean_environment())
    time.sleep(0.3)
    program.terminate()
    try:
        assert program.wait(5) == -signal.SIGTERM
    finally:
        program.kill()


def test_validate_shows_the_effective_configuration_without_secrets(tmp_path):
    (tmp_path / "c.yaml").write_text(GOOD)
    shown = run("validate", "--print-effective", "--config", "c.yaml", "--set", "exporters.awsxray.profile=${env:THE_KEY}", cwd=tmp_path, THE_KEY=SECRET)
    assert shown.returncode == 0 and b"eu-central-1" in shown.stdout and b"***" in shown.stdout and SECRET.encode() not in shown.stdout + shown.stderr
    local = run("validate", "--print-effective", "--set", "exporters.local.directory=/somewhere")
    assert b"/somewhere" in local.stdout and b"index_all_attributes: true" in local.stdout


def test_a_port_in_use_is_said_with_its_place(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        for key in ("grpc", "http"):
            (tmp_path / "c.yaml").write_text(broken(GOOD, f'{key}: {{endpoint: "127.0.0.1:0"}}', f'{key}: {{endpoint: "127.0.0.1:{port}"}}'))
            answer = run("--config", "c.yaml", cwd=tmp_path, **AWS_KEYS)
            text = answer.stderr.decode()
            assert answer.returncode == 1 and f"127.0.0.1:{port}" in text and "in use" in text and "c.yaml:" in text, text


def test_health_and_metrics(local):
    for path in ("/", "/livez", "/readyz"):
        status, body = get(local.addresses["health"], path)
        assert status == 200 and json.loads(body)["status"] == "Server available"
    assert get(local.addresses["health"], "/nope")[0] == 404
    post(local.addresses["http"], request(span(), span()))
    found = metrics(local)
    accepted = [k for k in found if k.startswith("otelcol_receiver_accepted_spans") and 'receiver="otlp"' in k and 'transport="http"' in k]
    assert accepted and found[accepted[0]] == 2
    for name in ("otelcol_receiver_refused_spans", "otelcol_exporter_sent_spans", "otelcol_exporter_send_failed_spans", "otelcol_exporter_queue_size",
                 "otelcol_exporter_queue_capacity", "otelcol_process_memory_rss", "otelcol_process_uptime"):
        assert any(k.startswith(name) for k in found), name
    ask = run("healthcheck", "--endpoint", local.addresses["health"])
    assert ask.returncode == 0, ask.stderr


def test_healthcheck_of_nobody():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert run("healthcheck", "--endpoint", "127.0.0.1:%d" % free.getsockname()[1]).returncode == 1


def test_health_only_when_asked_for(start, tmp_path):
    text = broken(GOOD, "  extensions: [health_check]\n", "")
    (tmp_path / "c.yaml").write_text(broken(text, "  telemetry: {metrics: {address: \"127.0.0.1:0\"}}", "  telemetry: {metrics: {level: none}}"))
    program = start("--config", str(tmp_path / "c.yaml"), environment=clean_environment(**AWS_KEYS))
    assert set(program.addresses) == {"grpc", "http"}
    assert program.stop() == 0


def test_an_adot_file_with_metrics_starts(start, tmp_path):
    (tmp_path / "c.yaml").write_text(GOOD + """
    metrics: {receivers: [otlp], processors: [batch/metrics], exporters: [awsemf]}
""" + "")
    text = (tmp_path / "c.yaml").read_text().replace("exporters:\n", "processors:\n  batch/traces: {timeout: 1s, send_batch_size: 50}\n  batch/metrics: {timeout: 60s}\nexporters:\n  awsemf: {namespace: x}\n", 1)
    (tmp_path / "c.yaml").write_text(text.replace("receivers: [otlp], exporters: [awsxray]", "receivers: [otlp], processors: [batch/traces], exporters: [awsxray]"))
    program = start("--config", str(tmp_path / "c.yaml"), environment=clean_environment(**AWS_KEYS))
    assert program.addresses, program.log
    assert "not run: metrics" in program.log
    strict = run("validate", "--strict", "--config", "c.yaml", cwd=tmp_path)
    assert strict.returncode == 1


@pytest.mark.parametrize("kind", ["otlp", "batch", "awsxray", "local", "xray_daemon", "file_storage", "health_check"])
def test_the_configuration_page_is_what_the_tables_say(kind):
    page = (pathlib.Path(__file__).parents[2] / "docs/configuration.md").read_text()
    rows = [line for line in run("components", kind).stdout.decode().splitlines() if line.startswith("| `")]
    assert rows and not [row for row in rows if row not in page]
