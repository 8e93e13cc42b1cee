#!/bin/sh
# Run by the PostgreSQL image when its volume is empty.
set -eu
psql -v ON_ERROR_STOP=1 --username postgres --file /deploy/roles.sql \
    -v owner_password="$OWNER_PASSWORD" -v application_password="$APPLICATION_PASSWORD"
createdb --username postgres --owner damancom damancom
