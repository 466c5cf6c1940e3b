// Package pylib installs pinned Python packages that tests use as oracles, into the user's cache directory.
package pylib
