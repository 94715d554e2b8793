#!/usr/bin/env bash
# Counts the instructions that four fixed inputs take, with callgrind, and compares them with
# benches/instructions.txt: what a clock on a busy machine does not show. More than 5 % above what
# is written there is a failure; UPDATE=1 writes the new counts, which belong into the commit that
# changes them.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! command -v valgrind >/dev/null; then
    echo "SKIPPED: valgrind is not installed, so no instructions are counted"
    exit 0
fi
kept=benches/instructions.txt
folder=target/instructions
mkdir -p "$folder/resources"
cp samples/cluster-internal-blocked/inputs/{firewall-rules,clusters,subnetworks}.json "$folder/resources/"
cargo build --release --no-default-features --locked --quiet
generate() { cargo bench --no-default-features --locked --quiet --bench generate -- "$@" 2>/dev/null; }
generate 20000 5 2000 > "$folder/log-5.ndjson"
generate 20000 100 10000 > "$folder/log-100.ndjson"
# Every entry unlike the ones before: what the shapes cannot help with.
generate 4000 50 500 | sed 's/"europe-west1"/"europe-w\\u0065st1"/' > "$folder/log-escaped.ndjson"
generate rules 5000 > "$folder/rules.json"

failed=0
fresh=$(mktemp)
for name in log-5.ndjson log-100.ndjson log-escaped.ndjson rules.json; do
    valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/vpcwhy triage \
        "$folder/$name" -c "$folder/resources" --format json --threads 1 --no-progress \
        >/dev/null 2>"$folder/$name.txt"
    count=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$folder/$name.txt")
    echo "$name $count" >> "$fresh"
    before=$(awk -v name="$name" '$1 == name { print $2 }' "$kept" 2>/dev/null || true)
    if [ -z "$before" ]; then
        echo "$name: $count instructions, none kept"
        continue
    fi
    change=$(echo "$count $before" | awk '{ printf "%+.1f", ($1 / $2 - 1) * 100 }')
    echo "$name: $count instructions, $change % against $before"
    if echo "$count $before" | awk '{ exit !($1 > $2 * 1.05) }'; then
        echo "$name takes over 5 % more than $kept says"
        failed=1
    fi
done
if [ "${UPDATE:-}" = 1 ]; then
    mv "$fresh" "$kept"
    exit 0
fi
rm "$fresh"
exit "$failed"
