#!/bin/sh
# Installs PostgreSQL, MariaDB and PgBouncer from the distribution's packages, as far as
# they are missing. The tests start servers of their own; no service is used.
set -eu
PATH=$PATH:/usr/sbin
packages=
command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || packages=postgresql
command -v mariadbd >/dev/null 2>&1 && command -v my_print_defaults >/dev/null 2>&1 || packages="$packages mariadb-server-core mariadb-client-core"
command -v pgbouncer >/dev/null 2>&1 || packages="$packages pgbouncer"
[ -n "$packages" ] || exit 0
as_root=
[ "$(id -u)" -eq 0 ] || as_root=sudo
$as_root apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $packages >/dev/null
