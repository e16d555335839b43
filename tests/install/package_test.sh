#!/usr/bin/env bash
# Builds the packages, as a user does, and lets lintian judge them.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/../.."
./dev package
lintian --fail-on error,warning --tag-display-limit 0 --allow-root build/*.deb
