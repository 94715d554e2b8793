#!/usr/bin/env bash
# Times `vpcwhy triage` against what else is installed, on logs that benches/generate.rs writes:
#
#   benches/compare.sh [GIB] [RUNS]        2 GiB and 5 runs unless told otherwise
#
# Prints ratios of medians: the commands of a row run in turn, so that what else the machine does
# weighs on all of them. ripgrep is what everything is measured against, and needed; DuckDB (the
# Python module), jq, gzip and zstd are left out where they are missing. Nothing is asserted.
# The files stay in target/bench.
set -euo pipefail
cd "$(dirname "$0")/.."
gib=${1:-2}
runs=${2:-5}
folder=target/bench
mkdir -p "$folder/resources"
cp samples/cluster-internal-blocked/inputs/{firewall-rules,clusters,subnetworks}.json "$folder/resources/"

command -v rg >/dev/null || { echo "ripgrep is not installed: nothing to compare with"; exit 1; }
has() { command -v "$1" >/dev/null; }
has_duckdb() { python3 -c 'import duckdb' 2>/dev/null; }

cargo build --release --no-default-features --quiet
cargo bench --no-default-features --quiet --bench generate --no-run 2>/dev/null
vpcwhy=target/release/vpcwhy
generate() { cargo bench --no-default-features --quiet --bench generate -- "$@"; }

# An entry has some 1,150 bytes.
entries=$((gib * 1024 * 1024 * 1024 / 1150))
log() { # NAME DENIED% CONNECTIONS
    [ -s "$folder/$1" ] || generate "$entries" "$2" "$3" > "$folder/$1"
}
log "p5-$gib.ndjson" 5 10000
log "p50-$gib.ndjson" 50 10000
log "p100-$gib.ndjson" 100 10000
log "million-$gib.ndjson" 100 1000000
if has gzip && [ ! -s "$folder/p5-$gib.ndjson.gz" ]; then gzip -k -6 "$folder/p5-$gib.ndjson"; fi
if has zstd && [ ! -s "$folder/p5-$gib.ndjson.zst" ]; then zstd -q -k "$folder/p5-$gib.ndjson"; fi
array="$folder/array.json"
if has jq && [ ! -s "$array" ]; then
    # 500 MiB, pretty-printed.
    generate 310000 100 10000 | jq -s . > "$array"
fi

# 100 MB of resources.
rules="$folder/rules.json"
[ -s "$rules" ] || generate rules 145000 > "$rules"

triage() { "$vpcwhy" triage "$1" -c "$folder/resources" --format json --threads "$2" > /dev/null; }
duck() { # one thread, declared columns, what the roll-up counts
    python3 - "$1" <<'END'
import duckdb, sys
columns = {
    'timestamp': 'VARCHAR', 'insertId': 'VARCHAR',
    'jsonPayload': 'STRUCT(connection STRUCT(src_ip VARCHAR, dest_ip VARCHAR, dest_port INTEGER, '
                   'protocol INTEGER), disposition VARCHAR, rule_details STRUCT(reference VARCHAR))',
}
connection = duckdb.connect()
connection.execute('SET threads=1')
connection.execute("""
    SELECT c.src_ip, c.dest_ip, c.dest_port, c.protocol, r, count(*), min(t), max(t) FROM (
        SELECT jsonPayload.connection c, jsonPayload.rule_details.reference r, timestamp t
        FROM read_json(?, format='newline_delimited', columns=?)
        WHERE jsonPayload.disposition = 'DENIED') GROUP BY ALL
""", [sys.argv[1], columns]).fetchall()
END
}

now() { date +%s.%N; }
median() { sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'; }

# TITLE, then pairs of NAME and COMMAND; the first is what the others are measured against.
row() {
    local title=$1
    shift
    local names=() commands=()
    while [ $# -gt 0 ]; do
        names+=("$1")
        commands+=("$2")
        shift 2
    done
    local times
    times=$(mktemp -d)
    # Once before it counts: the file is in memory then.
    for at in "${!commands[@]}"; do eval "${commands[$at]}" >/dev/null; done
    for _ in $(seq "$runs"); do
        for at in "${!commands[@]}"; do
            local start
            start=$(now)
            eval "${commands[$at]}" >/dev/null
            echo "$(now) $start" | awk '{ print $1 - $2 }' >> "$times/$at"
        done
    done
    local base
    base=$(median < "$times/0")
    printf '| %s | %s %.2f s' "$title" "${names[0]}" "$base"
    for at in "${!commands[@]}"; do
        [ "$at" = 0 ] && continue
        local own
        own=$(median < "$times/$at")
        echo "$own $base ${names[$at]}" |
            awk '{ own = $1; base = $2; $1 = $2 = ""; printf " |%s %.2f s = **%.2f ×**", $0, own, own / base }'
    done
    echo ' |'
    rm -r "$times"
}

against_rg() { # TITLE FILE
    local more=()
    has_duckdb && more=("DuckDB" "duck $2")
    row "$1" "rg" "rg -c '\"DENIED\"' $2" "1 thread" "triage $2 1" "2 threads" "triage $2 2" "${more[@]}"
}

echo "$(nproc) cores; $gib GiB, $entries entries; medians of $runs runs in turn"
against_rg "5 % DENIED, 10,000 connections" "$folder/p5-$gib.ndjson"
against_rg "50 %" "$folder/p50-$gib.ndjson"
against_rg "100 %" "$folder/p100-$gib.ndjson"
against_rg "100 %, 1,000,000 connections" "$folder/million-$gib.ndjson"
has gzip && row "5 %, gzip" "gzip -dc" "gzip -dc $folder/p5-$gib.ndjson.gz" \
    "1 thread" "triage $folder/p5-$gib.ndjson.gz 1" "2 threads" "triage $folder/p5-$gib.ndjson.gz 2"
has zstd && row "5 %, zstd" "zstd -dc" "zstd -dc $folder/p5-$gib.ndjson.zst" \
    "1 thread" "triage $folder/p5-$gib.ndjson.zst 1" "2 threads" "triage $folder/p5-$gib.ndjson.zst 2"
[ -s "$array" ] && row "array, pretty-printed, 100 %" "rg" "rg -c '\"DENIED\"' $array" \
    "1 thread" "triage $array 1"
has jq && row "100 MB of firewall rules" "jq length" "jq length $rules" \
    "1 thread" "$vpcwhy check $rules --threads 1" "2 threads" "$vpcwhy check $rules --threads 2"
if has jq && [ "$gib" -le 1 ]; then
    row "5 %, jq" "rg" "rg -c '\"DENIED\"' $folder/p5-$gib.ndjson" "jq" \
        "jq -c 'select(.jsonPayload.disposition == \"DENIED\") | .jsonPayload.connection' $folder/p5-$gib.ndjson"
fi
exit 0
