#!/bin/sh
# The test driver beside Kafka Streams' TopologyTestDriver: the same records through both, in turn, and the ratio of
# their medians and of their best batches. Needs Rust, a JDK from 17 on, Maven and Python 3.
#
#   benches/versus.sh [RECORDS [BATCHES [ROUNDS [TOGETHER]]]]
#
# TOGETHER records are piped as a list: pipeRecordList there, pipe_all here. Each side runs under both guarantees; the
# comparisons name the guarantee of each side.
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
        for guarantee in at_least_once exactly_once_v2; do
            set -- "$workload" "$records" "$batches" "$together" "$guarantee"
            "$target/release/ttd" "$@" >>"$lines"
            java -cp "$target/java/classes:$target/java/libs/*" bench.Ttd "$@" >>"$lines"
        done
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
        cells[row["workload"], row["contender"], row["guarantee"]].append(row)

ONCE, DEFAULT = "exactly_once_v2", "at_least_once"
CLOCKS = ("cpu", "wall")

def figures(cell, clock):
    return [row[f"{clock}_us_per_record"] for row in cells[cell]]

for workload in sorted({workload for workload, _, _ in cells}):
    for contender in ("streams", "java"):
        for guarantee in (ONCE, DEFAULT):
            parts = [f"{workload} {contender:8} {guarantee:15}"]
            for clock in CLOCKS:
                values = figures((workload, contender, guarantee), clock)
                parts.append(f"{clock} {statistics.median(values):6.3f} us ({min(values):.3f}-{max(values):.3f})")
            print("  ".join(parts))
    # Like for like, and what each does if nothing is said.
    for ours, theirs in ((ONCE, ONCE), (DEFAULT, DEFAULT), (ONCE, DEFAULT)):
        ratios = []
        for clock in CLOCKS:
            us, them = (figures((workload, *side), clock) for side in (("streams", ours), ("java", theirs)))
            ratios.append(f"{clock} {statistics.median(them) / statistics.median(us):.1f}x, best {min(them) / min(us):.1f}x")
        print(f"{workload} ratio    streams {ours} / java {theirs}: {'; '.join(ratios)}")
PYTHON
