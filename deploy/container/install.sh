#!/bin/sh
# Installs the program and exactly what uv.lock names, by hash, into a new environment.
#
#   install.sh TARGET    from the root of the sources, with uv and hatchling on the search path
set -eu
target=$1
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

uv export --quiet --frozen --no-dev --no-emit-project --extra notify --extra postgres \
  --output-file "$made/lock.txt"
hatchling build --target wheel --directory "$made"
uv venv --quiet "$target"
uv pip sync --quiet --require-hashes --compile-bytecode --python "$target" "$made/lock.txt"
uv pip install --quiet --no-deps --no-index --compile-bytecode --python "$target" "$made"/*.whl
uv pip check --quiet --python "$target"
# What the installer left for itself; the lock is open to everybody.
rm -f "$target/.lock" "$target/.gitignore"
