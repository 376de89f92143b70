#!/usr/bin/env bash
# What needs no cluster: format, lint, types, import contracts, generated files, documentation,
# unit tests.
# Every step runs, so that one look shows all that is wrong. Exit code 75 is of one that could not
# be done here: its last line says why, and the check goes on.
set -uo pipefail
bin=.venv/bin
code=(operator server models registry cli dev tests benchmarks)
failed=()

step() {
  local name=$1 start=$SECONDS output code=0
  shift
  output=$("$@" 2>&1) || code=$?
  case $code in
    0) printf '  ok    %-18s %3ds\n' "$name" $((SECONDS - start)) ;;
    75) printf '  --    %-18s %3ds  %s\n' "$name" $((SECONDS - start)) "${output##*$'\n'}" ;;
    *)
      printf '  FAIL  %-18s %3ds\n%s\n' "$name" $((SECONDS - start)) "$output"
      failed+=("$name")
      ;;
  esac
}

# Types are done in a quarter of the time of the unit tests.
unit_log=$(mktemp)
trap 'rm -f "$unit_log"' EXIT
$bin/python -m pytest -q -n 2 tests/unit tests/puppet >"$unit_log" 2>&1 &
unit_tests=$!

step format $bin/ruff format --check "${code[@]}"
step lint $bin/ruff check "${code[@]}"
step types $bin/mypy operator/transit_operator server/transit_server models/transit_models registry/transit_registry cli/transit_cli dev tests benchmarks
step "import contracts" $bin/lint-imports
step "generated files" $bin/python -m dev.chart --check
step "vendored files" $bin/python -m dev.vendor --check
step "reference pages" $bin/python -m dev.reference --check
step documentation $bin/python -m dev.site
step vulnerabilities $bin/python -m dev.audit
if wait "$unit_tests"; then
  tail -n 1 "$unit_log"
else
  cat "$unit_log"
  failed+=("unit tests")
fi

if ((${#failed[@]})); then
  printf 'check failed: %s\n' "${failed[*]}"
  exit 1
fi
