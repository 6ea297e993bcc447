#!/bin/sh
# The test driver beside Kafka Streams' TopologyTestDriver: the same records through both, in turn, and the ratio of
# their medians. Needs Rust, a JDK from 17 on, Maven and Python 3.
#
#   benches/versus.sh [RECORDS [BATCHES [ROUNDS [TOGETHER]]]]
#
# TOGETHER records are piped as a list: pipeRecordList there, pipe_all here.
set -eu
records=${1:-200000} batches=${2:-6} rounds=${3:-3} together=${4:-1}
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../target}
cargo build --quiet --release --manifest-path "$here/Cargo.toml" --bin ttd
mvn -q -B -f "$here/java/pom.xml" package -Dout="$target/java"
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
for round in $(seq "$rounds"); do
    for workload in stateless count; do
        "$target/release/ttd" "$workload" "$records" "$batches" "$together" >>"$lines"
        java -cp "$target/java/classes:$target/java/libs/*" bench.Ttd "$workload" "$records" "$batches" "$together" >>"$lines"
    done
done
python3 - "$lines" <<'PYTHON'
import collections, json, statistics, sys

# The first batch of every run warms up, on both sides.
rows = [json.loads(line) for line in open(sys.argv[1])]
cells = collections.defaultdict(list)
for row in rows:
    assert row["outputs"] == row["records"], row
    if row["batch"] > 0:
        cells[row["workload"], row["contender"]].append(row)
for workload in sorted({workload for workload, _ in cells}):
    medians = {}
    for contender in ("streams", "java"):
        parts = [f"{workload} {contender:8}"]
        for clock in ("wall", "cpu"):
            values = [row[f"{clock}_us_per_record"] for row in cells[workload, contender]]
            medians[contender, clock] = statistics.median(values)
            parts.append(f"{clock} {statistics.median(values):6.2f} us ({min(values):.2f}-{max(values):.2f})")
        print("  ".join(parts))
    ratios = [f"{clock} {medians['java', clock] / medians['streams', clock]:.1f}x" for clock in ("wall", "cpu")]
    print(f"{workload} ratio     {', '.join(ratios)}")
PYTHON
