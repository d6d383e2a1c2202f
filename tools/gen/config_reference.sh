#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds docs/configuration.md from what the built daemons say about themselves. The folder of the build is build/,
# $CARILLON_BUILD, or the one that meson calls from. With --check nothing is written: exit status 1 when it differs.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
build=${CARILLON_BUILD:-${MESON_BUILD_ROOT:-$root/build}}
page=$(mktemp)
trap 'rm -f "$page"' EXIT

cat > "$page" <<'EOF'
# Configuration

Made by `tools/gen/config_reference.sh` from the daemons' own tables; do not edit.

Every daemon reads one YAML file, `/etc/carillon/NF.yaml` or what `--config` names; `--check` lists every mistake in
it, with its line where it is one option's, and does nothing else. The name of an option is its path: `log.level` is
written as `log: {level: debug}`, as two lines with an indent, or as `log.level: debug`. Numbers may carry their unit
(`30`, `30 s`, `1 min`; `4 MiB`). Addresses are IP addresses, IPv6 in brackets before a port. Rows whose name holds
`[]` describe the entries of a list above them. SIGHUP or `carillon-ctl NF reload` reads the file again: what can
change does, and the log names what needs a restart; a file with a mistake changes nothing.

EOF

common=
for nf in pcscf icscf scscf hss bgcf mgcf mrfc mrfp ibcf cdf; do
    daemon=$build/$nf/carillon-$nf
    [ -x "$daemon" ] || continue
    reference=$("$daemon" --print-config-reference)
    common=$(printf '%s\n' "$reference" | sed -n '/^## Every daemon$/,$p')
    printf '%s\n' "$reference" | sed '/^## Every daemon$/,$d' >> "$page"
done
if [ -z "$common" ]; then
    echo "no daemon is built in $build" >&2
    exit 1
fi
printf '%s\n' "$common" >> "$page"

if [ "${1:-}" = --check ]; then
    diff -u "$root/docs/configuration.md" "$page"
else
    mkdir -p "$root/docs"
    cp "$page" "$root/docs/configuration.md"
    chmod 644 "$root/docs/configuration.md"
fi
