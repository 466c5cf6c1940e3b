// Package store keeps named objects: a checkpoint's blobs, a lake's files. Local keeps them in a directory.
//
// Use: a [Local] over a directory is a [Store]; [Blobs] names objects by their digest. [FS] is the handful of local
// file operations on which durability rests. [OS] does them for real; package storetest has one that injects errors
// and one that loses power. A [Draft] is how everything in Millrace creates a local file.
//
// Law: an object is created whole or not at all, and never overwritten. What PutIfAbsent returned nil for survives
// power loss, and so does what it returned [ErrExists] for.
//
// Format: an object is a file of its name below the root; docs/formats/checkpoint.md says how files come into being.
package store
