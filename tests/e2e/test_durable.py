"""Does a durable queue keep its word: over kills, a dead far end, a stop, and damage to its files?"""
import random
import signal
import time

import pytest

from conftest import AWS_KEYS, clean_environment, wait_for
from otlp import metric_sum, metrics, post, request, span

UNAVAILABLE = (503, {}, "{}")


@pytest.fixture
def durable(collector, tmp_path):
    """durable(exporter keys of the queue, storage keys) -> Program whose queue is in tmp_path/queue."""
    (tmp_path / "queue").mkdir()

    def go(queue="", storage="", **options):
        program = collector(f"    sending_queue: {{storage: file_storage{queue}}}", storage=f"directory: {tmp_path}/queue{storage}", **options)
        return program
    return go


def send(program, count=5, requests=1):
    """The ids of spans in requests that were taken."""
    taken = []
    for _ in range(requests):
        spans = [span() for _ in range(count)]
        try:
            status, _, _ = post(program.addresses["http"], request(*spans))
        except OSError:
            continue
        if status == 200:
            taken += [s["spanId"] for s in spans]
    return taken


def delivered(sink, taken, timeout=30):
    wait_for(lambda: set(taken) <= set(sink.ids()), "every span that was taken", timeout)


def test_a_kill_loses_nothing(durable, sink):
    taken, generator = [], random.Random(7)
    for _ in range(6):
        program = durable()
        end = time.monotonic() + generator.uniform(0.1, 0.6)
        while time.monotonic() < end:
            taken += send(program, generator.choice((1, 20, 300)))
        program.stop(signal.SIGKILL)
    program = durable()
    delivered(sink, taken)
    assert len(taken) > 500


@pytest.mark.parametrize("fsync", ["true", "interval", "never"])
def test_a_dead_end_and_a_stop_keep_everything(durable, sink, fsync):
    sink.behave = lambda number, documents: UNAVAILABLE
    program = durable(storage=f", fsync: {fsync}", extra="  shutdown_timeout: 500ms")
    taken = send(program, 50, 20)
    assert len(taken) == 1000
    assert program.stop(signal.SIGTERM) == 0
    assert "documents stay in the queue for the next start" in program.log
    sink.behave = lambda number, documents: None
    program = durable(storage=f", fsync: {fsync}")
    delivered(sink, taken)
    assert len(sink.ids()) == len(taken)
    program.check_ledger()


def test_what_was_delivered_before_a_kill_is_not_sent_again(durable, sink):
    program = durable()
    taken = send(program, 100, 10)
    delivered(sink, taken)
    wait_for(lambda: metrics(program)['spanbridge_exporter_queued_documents{exporter="awsxray"}'] == 0, "every answer")
    time.sleep(0.1)
    program.stop(signal.SIGKILL)
    program = durable()
    more = send(program, 10)
    delivered(sink, more)
    assert len(sink.ids()) == len(taken) + len(more)


def test_a_full_log_refuses_then_takes_again(durable, sink):
    sink.behave = lambda number, documents: None if sink.released.is_set() else UNAVAILABLE
    program = durable(storage=", max_size: 1MiB")
    taken, refused = [], 0
    for _ in range(60):
        spans = [span(attributes=[{"key": "text", "value": {"stringValue": "x" * 2000}}]) for _ in range(20)]
        status, headers, body = post(program.addresses["http"], request(*spans))
        if status == 200:
            taken += [s["spanId"] for s in spans]
        else:
            assert status == 503 and int(headers["Retry-After"]) >= 1
            refused += 1
    assert taken and refused
    sink.released.set()
    delivered(sink, taken)
    wait_for(lambda: send(program, 20), "room again")


def test_what_was_given_up_for_room_is_not_missing_after_a_kill(durable, sink):
    sink.behave = lambda number, documents: UNAVAILABLE
    program = durable(queue=", on_full: drop_oldest", storage=", max_size: 4MiB", extra="  shutdown_timeout: 100ms")
    for _ in range(50):
        spans = [span(attributes=[{"key": "text", "value": {"stringValue": "x" * 10000}}]) for _ in range(20)]
        assert post(program.addresses["http"], request(*spans))[0] == 200
    assert metric_sum(program, "spanbridge_exporter_dropped_documents") > 0
    program.stop(signal.SIGKILL)
    program = durable(queue=", on_full: drop_oldest", storage=", max_size: 4MiB", extra="  shutdown_timeout: 100ms")
    assert metric_sum(program, "spanbridge_exporter_recovered_documents") > 0
    assert metric_sum(program, "spanbridge_queue_missing_documents") == 0, program.log


def test_damage_costs_only_what_is_damaged(durable, sink, tmp_path):
    sink.behave = lambda number, documents: UNAVAILABLE
    program = durable(extra="  shutdown_timeout: 200ms")
    taken = [send(program, 10) for _ in range(50)]
    program.stop(signal.SIGKILL)
    segment, = (tmp_path / "queue/traces").glob("q-*.seg")
    content = bytearray(segment.read_bytes())
    victim = bytes(taken[20][3], "ascii")
    content[content.index(victim)] ^= 1  # in a payload
    segment.write_bytes(content)
    sink.behave = lambda number, documents: None
    program = durable()
    delivered(sink, sum(taken[:20] + taken[21:], []))
    assert not set(taken[20]) & set(sink.ids())
    assert "damaged" in program.log and metrics(program)['spanbridge_queue_damaged_records{pipeline="traces"}'] == 1
    wait_for(lambda: metrics(program)['spanbridge_exporter_queued_documents{exporter="awsxray"}'] == 0, "an empty queue")


def test_one_folder_has_one_owner(durable, start, tmp_path):
    durable()
    second = start("--config", str(tmp_path / "collector.yaml"), environment=clean_environment(**AWS_KEYS))
    assert second.process.wait(10) == 1
    assert "another process uses" in second.log and "collector.yaml:" in second.log


def test_a_pipeline_of_another_name_is_told_what_is_left(durable, sink, tmp_path):
    sink.behave = lambda number, documents: UNAVAILABLE
    program = durable(extra="  shutdown_timeout: 100ms")
    taken = send(program, 10, 2)
    program.stop(signal.SIGKILL)
    (tmp_path / "queue/traces").rename(tmp_path / "queue/traces%2fold")
    program = durable()
    wait_for(lambda: "traces%2fold" in program.log, "a line about the folder")
    assert program.log.count("stay in its folder") == 1
    program.stop(signal.SIGKILL)
    (tmp_path / "queue/traces").rename(tmp_path / "queue/empty")
    (tmp_path / "queue/traces%2fold").rename(tmp_path / "queue/traces")
    sink.behave = lambda number, documents: None
    program = durable()
    delivered(sink, taken)
    assert "stay in its folder" not in program.log


def test_local_is_durable(start, tmp_path):
    from conftest import LOCAL_PORTS
    program = start("local", "--data", str(tmp_path / "data"), *LOCAL_PORTS)
    taken = send(program, 20, 5)
    assert len(taken) == 100
    program.stop(signal.SIGKILL)
    assert (tmp_path / "data/queue/traces").is_dir()
    program = start("local", "--data", str(tmp_path / "data"), *LOCAL_PORTS)

    def stored():
        now = time.time()
        summaries = program.xray().get_trace_summaries(StartTime=now - 600, EndTime=now + 60)["TraceSummaries"]
        return len(summaries) == 100 or None
    wait_for(stored, "a hundred traces after the kill")
