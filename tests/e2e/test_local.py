"""Do an unchanged OpenTelemetry SDK, the stock AWS CLI and boto3 work with `spanbridge local`?"""
import json
import os
import socket
import subprocess
import sys
import time

import pytest
from botocore.exceptions import ClientError

from conftest import LOCAL_PORTS, ROOT, clean_environment, wait_for
from otlp import get, post, request, span, xray_id

AWS = os.path.join(os.path.dirname(sys.executable), "aws")


@pytest.fixture
def shop(local):
    """The demo's traces, by what happened in them."""
    run = subprocess.run([sys.executable, ROOT / "demo/shop.py", local.addresses["grpc"], local.addresses["http"]],
                         capture_output=True, text=True, timeout=60, env=clean_environment())
    assert run.returncode == 0, run.stderr
    return {what: xray_id(trace) for trace, what in (line.split() for line in run.stdout.splitlines())}


def window():
    return dict(StartTime=time.time() - 300, EndTime=time.time() + 60)


def summaries(local, expression=None):
    more = {"FilterExpression": expression} if expression else {}
    pages = local.xray().get_paginator("get_trace_summaries").paginate(**window(), **more)
    return {s["Id"]: s for page in pages for s in page["TraceSummaries"]}


def documents(local, trace_id):
    answer = local.xray().batch_get_traces(TraceIds=[trace_id])
    found = (json.loads(s["Document"]) for s in answer["Traces"][0]["Segments"])
    return {d["name"]: d for d in found if not d.get("inferred")}


def cli(local, *arguments):
    run = subprocess.run([AWS, "xray", *arguments, "--endpoint-url", local.url("api"), "--output", "json"], capture_output=True, text=True, timeout=60,
                         env=clean_environment(AWS_ACCESS_KEY_ID="any", AWS_SECRET_ACCESS_KEY="thing", AWS_DEFAULT_REGION="us-east-1"))
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_sdk_traces_are_seen_by_the_stock_cli(local, shop):
    now = int(time.time())
    found = cli(local, "get-trace-summaries", "--start-time", str(now - 300), "--end-time", str(now + 60))["TraceSummaries"]
    assert set(shop.values()) == {s["Id"] for s in found}
    trace = cli(local, "batch-get-traces", "--trace-ids", shop["calls_out"])["Traces"][0]
    names = [json.loads(s["Document"])["name"] for s in trace["Segments"]]
    assert {"shop", "stock"} <= set(names), names
    graph = cli(local, "get-service-graph", "--start-time", str(now - 300), "--end-time", str(now + 60))["Services"]
    assert {"shop", "stock"} <= {s["Name"] for s in graph}


def test_a_trace_across_two_services_is_one(local, shop):
    found = documents(local, shop["calls_out"])
    stock = found["stock"]
    calls = {c["name"]: c for c in stock["subsegments"]}
    assert found["shop"]["http"]["response"]["status"] == 200
    assert any(c.get("namespace") == "aws" and c["aws"]["operation"] == "GetItem" for c in calls.values())
    assert any("sql" in c for c in calls.values())


def test_an_exception_is_a_fault_with_its_cause(local, shop):
    summary = summaries(local)[shop["throws"]]
    assert summary["HasFault"] and not summary["HasError"] and summary["Http"]["HttpStatus"] == 500
    segment = documents(local, shop["throws"])["shop"]
    cause = segment["cause"]["exceptions"][0]
    assert segment["fault"] and cause["type"].endswith("ValueError") and "expired" in cause["message"] and cause["stack"]


@pytest.mark.parametrize("expression, expected", [
    ("fault", ["throws"]),
    ("error", []),
    ('service("stock")', ["calls_out"]),
    ('service("shop")', ["healthy", "slow", "throws", "calls_out"]),
    ('service("shop") AND fault', ["throws"]),
    ('annotation.shop_category = "teapots"', []),
    ('annotation[shop.category] = "teapots"', ["healthy"]),
    ('annotation[shop.category] = "teapots" AND fault', []),
])
def test_filters(local, shop, expression, expected):
    assert {k for k, v in shop.items() if v in summaries(local, expression)} == set(expected)


@pytest.mark.parametrize("expression", ["nosuchkeyword = 1", "service(", "fault AND", "###", 'rootcause.fault.service { name = "x" }', 'group.name = "g"'])
def test_no_filter_is_ignored(local, expression):
    with pytest.raises(ClientError) as caught:
        summaries(local, expression)
    assert caught.value.response["Error"]["Code"] == "InvalidRequestException"


def test_put_is_seen_by_the_next_query(local):
    xray, now = local.xray(), time.time()
    for n in range(20):
        trace_id = "1-%08x-%s" % (int(now), os.urandom(12).hex())
        document = {"trace_id": trace_id, "id": os.urandom(8).hex(), "name": "put", "start_time": now - 1, "end_time": now}
        assert xray.put_trace_segments(TraceSegmentDocuments=[json.dumps(document)])["UnprocessedTraceSegments"] == []
        assert xray.batch_get_traces(TraceIds=[trace_id])["Traces"][0]["Segments"][0]["Id"] == document["id"]


def test_put_names_what_it_does_not_take(local):
    answer = local.xray().put_trace_segments(TraceSegmentDocuments=["{}", "not json", json.dumps({"id": "0" * 15 + "1", "trace_id": "1-2-3", "name": "n", "start_time": 1, "end_time": 2})])
    assert [u["ErrorCode"] for u in answer["UnprocessedTraceSegments"]] == ["MissingId", "ParseError", "InvalidTraceId"]


def test_paging_gives_each_trace_once(local):
    spans = [span("page") for _ in range(250)]
    assert post(local.addresses["http"], request(*spans))[0] == 200
    pages = list(local.xray().get_paginator("get_trace_summaries").paginate(**window()))
    ids = [s["Id"] for page in pages for s in page["TraceSummaries"]]
    assert sorted(ids) == sorted(xray_id(s["traceId"]) for s in spans) and len(pages) > 1


def test_otlp_is_seen_within_a_second(local):
    one = span("quick")
    assert post(local.addresses["http"], request(one))[0] == 200
    assert local.xray().batch_get_traces(TraceIds=[xray_id(one["traceId"])])["Traces"]


def test_what_is_not_served_says_so(local):
    with pytest.raises(ClientError) as caught:
        local.xray().get_insight_summaries(StartTime=time.time() - 60, EndTime=time.time(), States=["ACTIVE"])
    assert "GetInsightSummaries" in caught.value.response["Error"]["Message"]


def test_data_outlives_the_process(start, tmp_path):
    one = span("kept")
    for again in (False, True):
        program = start("local", "--data", str(tmp_path / "kept"), *LOCAL_PORTS)
        if not again:
            assert post(program.addresses["http"], request(one))[0] == 200
        assert program.xray().batch_get_traces(TraceIds=[xray_id(one["traceId"])])["Traces"]
        assert program.stop() == 0


def test_a_full_disk_refuses_what_it_cannot_keep(start, tmp_path):
    program = start("local", "--data", str(tmp_path / "full"), *LOCAL_PORTS, max_file_bytes=100_000)
    status, headers, _ = post(program.addresses["http"], request(span("too much")))
    assert status == 503 and int(headers["Retry-After"]) >= 1
    assert get(program.addresses["health"], "/livez")[0] == 200
    assert program.stop() == 0


def test_a_full_disk_loses_nothing_and_harms_no_other_request(start, tmp_path):
    program = start("local", "--data", str(tmp_path / "full"), *LOCAL_PORTS, "--set", "service.shutdown_timeout=1s",
                    "--set", "exporters.local.sending_queue.storage=''", max_file_bytes=400_000)
    big = [span("big", attributes=[{"key": "text", "value": {"stringValue": os.urandom(10_000).hex()}}]) for _ in range(60)]
    for one in big:
        assert post(program.addresses["http"], request(one))[0] == 200
    wait_for(lambda: "store" in program.log and ("full" in program.log or "space" in program.log), "a line about the disk")
    assert get(program.addresses["health"], "/livez")[0] == 200
    status, why = get(program.addresses["health"], "/readyz")
    assert status == 503 and "the store cannot write" in why
    assert post(program.addresses["http"], request(span("another")))[0] == 200
    assert program.stop() == 3  # what the memory queue still held is counted, not forgotten
    assert "given_up_documents" in program.log


def test_a_slow_client_of_the_api_does_not_hold_up_the_stop(local):
    host, port = local.addresses["api"].rsplit(":", 1)
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(b"POST /TraceSummaries HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        assert get(local.addresses["health"], "/")[0] == 200  # time for the head to be read
        begun = time.monotonic()
        assert local.stop() == 0
        assert time.monotonic() - begun < 10
