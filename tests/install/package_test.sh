#!/usr/bin/env bash
# Builds the packages, as a user does, and lets lintian judge them.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/../.."
./dev package
suppress=()
[ -e man/compactor.1 ] || suppress=(--suppress-tags no-manual-page)
lintian --fail-on error,warning --tag-display-limit 0 --allow-root "${suppress[@]}" build-release/*.deb
