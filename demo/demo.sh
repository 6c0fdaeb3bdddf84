#!/usr/bin/env bash
# demo.sh [--keep]: starts `spanbridge local`, sends it real traces from the real OpenTelemetry SDK, asks for
# them with the stock AWS CLI and prints what came back. --keep leaves it running until Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/.."
keep=${1:-}
folder=$(mktemp -d "${TMPDIR:-/tmp}/spanbridge-demo.XXXXXX")
# The demo's own keys: a local X-Ray takes any signature.
export AWS_ACCESS_KEY_ID=demo AWS_SECRET_ACCESS_KEY=demo AWS_DEFAULT_REGION=us-east-1 AWS_PAGER="" AWS_EC2_METADATA_DISABLED=true
unset AWS_PROFILE AWS_SESSION_TOKEN AWS_ENDPOINT_URL AWS_ENDPOINT_URL_XRAY 2>/dev/null || true

say() { printf '\n== %s\n' "$*"; }
stop() { kill "$server" 2>/dev/null && wait "$server" 2>/dev/null; rm -rf "$folder"; }
xray() { build/venv/bin/aws xray "$@" --endpoint-url "http://$api"; }

ports=() # free ones, so that the demo disturbs nothing; --keep takes the documented ports
if [ "$keep" != --keep ]; then
  ports=(--port 0 --set receivers.otlp.protocols.grpc.endpoint=127.0.0.1:0 --set receivers.otlp.protocols.http.endpoint=127.0.0.1:0
    --set extensions.health_check.endpoint=127.0.0.1:0 --set service.telemetry.metrics.address=127.0.0.1:0)
fi
say "starting spanbridge local"
build/release/spanbridge local --data "$folder/data" "${ports[@]}" >"$folder/out" 2>"$folder/log" &
server=$!
trap stop EXIT
for _ in $(seq 100); do
  grep -q '^ready' "$folder/out" && break
  kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }
  sleep 0.1
done
ready=$(grep '^ready' "$folder/out") || { echo "it did not get ready within 10 s:"; cat "$folder/log"; exit 1; }
address() { printf '%s\n' "$ready" | tr ' ' '\n' | sed -n "s/^$1=//p"; }
api=$(address api)
echo "$ready"

say "sending traces: the OpenTelemetry Python SDK, over gRPC and over HTTP"
start=$(($(date +%s) - 60))
build/venv/bin/python demo/shop.py "$(address grpc)" "$(address http)" | tee "$folder/traces"

say "asking with the stock AWS CLI: the traces of the last minutes"
end=$(($(date +%s) + 60))
xray get-trace-summaries --start-time "$start" --end-time "$end" --output table \
  --query 'TraceSummaries[].{Trace:Id,Entry:EntryPoint.Name,URL:Http.HttpURL,Status:Http.HttpStatus,Seconds:ResponseTime,Fault:HasFault}'
say 'those that failed: --filter-expression '"'"'service("shop") AND fault'"'"
xray get-trace-summaries --start-time "$start" --end-time "$end" --filter-expression 'service("shop") AND fault' --query 'TraceSummaries[].Id' --output text

say "one whole trace, with its database call and its AWS call"
id=$(awk '/calls_out/ {print "1-" substr($1, 1, 8) "-" substr($1, 9)}' "$folder/traces")
xray batch-get-traces --trace-ids "$id" | build/venv/bin/python -c '
import json, sys
for segment in sorted((json.loads(s["Document"]) for s in json.load(sys.stdin)["Traces"][0]["Segments"]), key=lambda d: d["start_time"]):
    print(json.dumps(segment, indent=2))'
say "the service graph"
xray get-service-graph --start-time "$start" --end-time "$end" --output text --query 'Services[].[Name,Type]' | sort -u

say "addresses"
echo "X-Ray API    aws xray get-trace-summaries --start-time ... --end-time ... --endpoint-url http://$api"
echo "OTLP         gRPC $(address grpc)   HTTP http://$(address http)/v1/traces"
echo "health       http://$(address health)/readyz"
echo "metrics      http://$(address metrics)/metrics"
if [ "$keep" = --keep ]; then
  say "running; Ctrl-C ends it"
  trap 'stop; exit 0' INT TERM
  wait "$server"
fi
