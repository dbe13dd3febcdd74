#!/usr/bin/env bash
# Installs the browser and the packages of the console's tests, where they are missing.
set -euo pipefail
cd "$(dirname "$0")"
if ! [ -x "${CHROMIUM:-/usr/bin/chromium}" ]; then
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends chromium fonts-dejavu-core
fi
npm ci --no-audit --no-fund
