"""A small shop that is traced by the real OpenTelemetry Python SDK, over gRPC and over HTTP.

Usage: shop.py GRPC_ADDRESS HTTP_ADDRESS     (host:port each; nothing is configured anywhere else)
Prints one trace id a line, in hex, with what happened in it.
"""
import sys
import time

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode


class Counted(SpanExporter):
    """Passes spans on and remembers whether the far end took them."""

    def __init__(self, exporter):
        self.exporter, self.refused = exporter, 0

    def export(self, spans):
        result = self.exporter.export(spans)
        self.refused += result is not SpanExportResult.SUCCESS
        return result

    def shutdown(self):
        self.exporter.shutdown()


def provider(service, exporter):
    made = TracerProvider(resource=Resource.create({"service.name": service, "deployment.environment": "demo"}))
    made.add_span_processor(BatchSpanProcessor(exporter))
    return made


def server(tracer, method, path):
    return tracer.start_as_current_span(f"{method} {path}", kind=SpanKind.SERVER, attributes={
        "http.request.method": method, "url.path": path, "url.scheme": "http", "server.address": "shop.example", "client.address": "192.0.2.7"})


def healthy(shop, _):
    with server(shop, "GET", "/products") as span:
        time.sleep(0.02)
        span.set_attribute("http.response.status_code", 200)
        span.set_attribute("shop.category", "teapots")
    return span


def slow(shop, _):
    with server(shop, "GET", "/search") as span:
        with shop.start_as_current_span("rank results"):
            time.sleep(0.4)
        span.set_attribute("http.response.status_code", 200)
    return span


def throws(shop, _):
    with server(shop, "POST", "/checkout") as span:
        try:
            with shop.start_as_current_span("charge card"):
                raise ValueError("card 4711 has expired")
        except ValueError as error:
            span.record_exception(error)
            span.set_status(Status(StatusCode.ERROR, str(error)))
        span.set_attribute("http.response.status_code", 500)
    return span


def calls_out(shop, stock):
    with server(shop, "GET", "/products/42") as span:
        with shop.start_as_current_span("GET", kind=SpanKind.CLIENT, attributes={
                "http.request.method": "GET", "url.full": "http://stock.example/items/42", "server.address": "stock.example", "http.response.status_code": 200}):
            with server(stock, "GET", "/items/42") as inner:
                with stock.start_as_current_span("SELECT items", kind=SpanKind.CLIENT, attributes={
                        "db.system": "postgresql", "db.name": "stock", "db.user": "reader", "server.address": "db.example",
                        "db.statement": "SELECT count FROM items WHERE id = ?"}):
                    time.sleep(0.01)
                with stock.start_as_current_span("DynamoDB.GetItem", kind=SpanKind.CLIENT, attributes={
                        "rpc.system": "aws-api", "rpc.service": "DynamoDB", "rpc.method": "GetItem", "aws.dynamodb.table_names": ["prices"],
                        "aws.region": "eu-central-1", "http.response.status_code": 200}):
                    time.sleep(0.01)
                inner.set_attribute("http.response.status_code", 200)
        span.set_attribute("http.response.status_code", 200)
    return span


def main():
    grpc, http = sys.argv[1:3]
    exporters = [Counted(GrpcExporter(endpoint=f"http://{grpc}", insecure=True)), Counted(HttpExporter(endpoint=f"http://{http}/v1/traces"))]
    providers = [provider("shop", exporters[0]), provider("stock", exporters[1])]
    shop, stock = (p.get_tracer("shop-demo", "1.0") for p in providers)
    for request in (healthy, slow, throws, calls_out):
        span = request(shop, stock)
        print(trace.format_trace_id(span.get_span_context().trace_id), request.__name__, flush=True)
    for p in providers:
        p.shutdown()
    sys.exit("some spans were not taken" if any(e.refused for e in exporters) else 0)


if __name__ == "__main__":
    main()
