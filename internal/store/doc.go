// Package store keeps named objects: a checkpoint's blobs, a lake's files. Local keeps them in a directory.
//
// Law: an object is created whole or not at all, and never overwritten. What PutIfAbsent returned nil for survives
// power loss.
package store
