// Package sqltest tests the SQL inbox of package webhook, and package sdk/journal,
// against a real PostgreSQL and a real SQLite. It is a module of its own, so that the
// drivers stay out of the SDK's.
//
// The tests start a PostgreSQL of their own in a temporary directory; setup.sh
// installs one where there is none.
package sqltest
