#!/usr/bin/env bash
# Repeats the table of docs/decisions/0014: what is left of a workload's estimated cost, budget by budget, when sizes
# are HypoPG's; foretold by the advisor, and told by HypoPG on the database itself.
#
#   crates/advisor/compare.sh DATABASE_URL queries.sql SECONDS BUDGET_MB...
#   crates/advisor/compare.sh postgresql:///tpch tpch.sql 60 100 250 500 1000 1500
#
# Needs `courant` (or its path in COURANT), psql, jq, the extension hypopg in that database, and statements that end
# with a semicolon at the end of a line. Nothing is written to the database.
set -euo pipefail

if [ $# -lt 4 ]; then
  sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
url=$1 workload=$2 seconds=$3
shift 3

# The sum of what the statements cost with these indexes (a JSON array of definitions) made by HypoPG, and their bytes.
told_by_hypopg() {
  {
    jq -r '.[] | gsub(" concurrently"; "") | gsub("'"'"'"; "'"''"'")
           | "select '"'"'made'"'"', hypopg_relation_size(indexrelid) from hypopg_create_index('"'"'\(.)'"'"');"' <<<"$1"
    awk 'BEGIN { RS = ";[ \t]*\n" } /[^ \t\n]/ { print "explain (format json)\n" $0 "\n;" }' "$workload"
  } | PGOPTIONS='-c client_min_messages=error -c jit=off' psql -XqAt -F ' ' "$url" |
    awk '/^made / { bytes += $2 }
         /"Plan": / { top = 1 }
         top && /"Total Cost":/ { gsub(/[^0-9.]/, ""); cost += $0; top = 0 }
         END { printf "%.2f %.0f\n", cost, bytes }'
}

read -r plain _ <<<"$(told_by_hypopg '[]')"
printf '%10s %10s %10s %12s %8s %8s\n' 'budget MB' 'foretold' 'HypoPG' 'HypoPG MB' indexes seconds
for budget in "$@"; do
  advice=$("${COURANT:-courant}" doctor indexes --database-url "$url" --workload "$workload" \
    --budget-mb "$budget" --seconds "$seconds" --size-model hypopg --json)
  read -r cost bytes <<<"$(told_by_hypopg "$(jq -c '[.indexes[].ddl]' <<<"$advice")")"
  jq -r --argjson cost "$cost" --argjson plain "$plain" --argjson bytes "$bytes" --arg budget "$budget" \
    '[$budget, 100 * .cost_after / .cost_before, 100 * $cost / $plain, $bytes / 1048576, (.indexes | length), .seconds]
     | map(tostring) | join(" ")' <<<"$advice" |
    { read -r budget foretold told megabytes many took
      printf '%10s %8.2f %% %8.2f %% %12.1f %8s %8.1f\n' "$budget" "$foretold" "$told" "$megabytes" "$many" "$took"; }
done
