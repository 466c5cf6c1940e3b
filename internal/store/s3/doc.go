// Package s3 keeps objects in a bucket of S3 or of a store that speaks its protocol.
//
// Use: [Connect] finds credentials by the default chain of AWS's tools; a [Client] gives a [Bucket] for a bucket and a
// prefix, which is a store.Store and a store.Objects. Call [Bucket.Probe] on an object that is there before anything is
// written that must not be overwritten.
//
// Law: that of package store. An object is created by a conditional write (If-None-Match: *), large ones by a multipart
// upload that is completed by one, and never overwritten, but for the heartbeats, which nothing rests on. A request
// whose outcome is not known is looked after: every object carries a token of the call that created it, so that a name
// taken by an earlier attempt of the same call is not mistaken for somebody else's.
//
// Format: the key of an object is the prefix, a slash and its name. docs/formats/checkpoint.md says what lies where.
package s3
