#!/usr/bin/env bash
# Builds the mediasoup worker from the sources in mediasoup's npm package against the system's own libraries.
#
#   build.sh PACKAGE_DIR OUT_FILE
#
#   PACKAGE_DIR  the unpacked npm package, as node_modules/mediasoup; only read
#   OUT_FILE     where the finished binary goes; written whole or not at all
# Environment: JOBS, compilers at a time (default: one per processor); WORK, a directory that does not exist yet, kept
#   afterwards (default: a temporary one, removed).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -eq 2 ] || { echo "usage: build.sh PACKAGE_DIR OUT_FILE" >&2; exit 2; }
package=$1
out=$(realpath -m "$2")

if [ -z "${WORK:-}" ]; then
  WORK=$(mktemp -d "${TMPDIR:-/tmp}/mediasoup-worker.XXXXXX")
  trap 'rm -rf "$WORK"' EXIT
fi
mkdir -p "$WORK"
cp -rL "$package/worker" "$WORK/worker"
chmod -R u+w "$WORK/worker"
cd "$WORK/worker"

# The package's subprojects are fetched from the network while building: the system's libraries stand in for them.
rm -rf subprojects
cp -r "$here/overlay" subprojects
# Debian 12 has meson 1.0.1; nothing used here needs more.
sed -i "s/meson_version: *'[^']*'/meson_version: '>= 1.0.0'/" meson.build
# onSslBioOut() answers 1 to every BIO_ctrl(), to BIO_CTRL_GET_KTLS_SEND too. An OpenSSL built with kernel TLS, as
# Debian's is, then thinks that the kernel writes the records, allocates no buffer, and the worker crashes on the first
# DTLS handshake. Return the real result instead.
dtls=src/RTC/DtlsTransport.cpp
sed -i 's/(operationType == BIO_CB_RETURN) ?/((operationType \& BIO_CB_RETURN) != 0) ?/' "$dtls"
grep -qF '((operationType & BIO_CB_RETURN) != 0) ?' "$dtls" || { echo "the KTLS patch did not apply" >&2; exit 1; }

meson setup out --buildtype=release -Db_ndebug=true --wrap-mode=nodownload
ninja -C out -j"${JOBS:-$(nproc)}" mediasoup-worker
strip out/mediasoup-worker

# Every library resolves, and it gets as far as missing its parent (exit code 41).
if ldd out/mediasoup-worker | grep 'not found'; then exit 1; fi
code=0
env -u MEDIASOUP_VERSION out/mediasoup-worker </dev/null >/dev/null 2>&1 || code=$?
[ "$code" = 41 ] || { echo "the finished worker ended with code $code instead of 41" >&2; exit 1; }

mkdir -p "$(dirname "$out")"
install -m 755 out/mediasoup-worker "$out.partial-$$"
mv "$out.partial-$$" "$out"
