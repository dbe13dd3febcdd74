#!/bin/sh
# Builds the static binary of the standalone server into the file named first. The
# Dockerfile and .ci/image build it with this script.
set -eu
cd "$(dirname "$0")/../.."
CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$1" ./examples/fakeserver
