#!/bin/bash
# Runs each fuzz target of the project for a time: fuzz.sh 30s
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

time=${1:-30s}
targets=$(grep -rHoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sort || true)
if [ -z "$targets" ]; then
	echo "fuzz: no targets"
	exit 0
fi
while IFS=: read -r file func; do
	name=${func#func }
	# go test takes one target of one package at a time. Minimizing is of little use where threads make coverage vary, and by default takes a minute for each input.
	# From its directory, which may be in a module of its own.
	(set -x && cd "$(dirname "$file")" && go test -run '^$' -fuzz "^$name\$" -fuzzminimizetime 1s -fuzztime "$time" .)
done <<<"$targets"
