#!/bin/sh
# This framework, Kafka Streams and a bare loop on librdkafka beside one another on an Apache Kafka broker: builds all of
# them, starts a broker, runs them in turn, verifies every output, prints medians, spread and ratios, and leaves nothing
# running. Needs Rust, a C and a C++ compiler, libclang, a JDK from 17 on and Maven; 3 GB of memory, 4 GB of disk.
#
#   benches/broker.sh [OPTION]... [CELL[,CELL]... [CONTENDER[,CONTENDER]...]]        --help lists them
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../target}
cargo build --quiet --release --manifest-path "$here/Cargo.toml" --features kafka --bins
mvn -q -B -f "$here/broker/java/pom.xml" package -Dout="$target/broker-java"
exec "$target/release/versus" "$@"
