// Command s3gateway serves a directory over the protocol of S3, for tests. It is a module of its own, so that what the
// gateway needs does not stand among what the program needs.
//
//	s3gateway DIRECTORY SIDECAR ADDRESS
//
// Metadata of objects goes into extended attributes, or below SIDECAR where the file system of DIRECTORY has none.
// The access key is "test", the secret key "testtest". It ends when its standard input does.
package main
