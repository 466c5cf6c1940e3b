package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
)

// Blobs names objects by their content: blobs/<SHA-256 in hexadecimal>. It is safe for concurrent use.
type Blobs struct {
	Store Store
	Under string // what stands before the digest in names; "": blobs/
	Bulk  bool   // writes and reads as [BulkStore] does, where Store is one
	Yield func() // for Put: called now and then while the digest of much data is made; may be nil
}

// DigestError says that an object is not what its name says.
type DigestError struct {
	Under     string // as in Blobs
	Want, Got string // SHA-256 as 64 hexadecimal digits
}

// Error names both digests.
func (e *DigestError) Error() string {
	return fmt.Sprintf("blob %s%s is damaged: its content has SHA-256 %s", e.Under, e.Want, e.Got)
}

// Put keeps data and returns its digest, 64 hexadecimal digits. Present already is done. The caller keeps data.
func (b Blobs) Put(ctx context.Context, data []byte) (digest string, err error) {
	digest = b.digestOf(data)
	if bulk, ok := b.Store.(BulkStore); ok && b.Bulk {
		err = bulk.PutBulk(ctx, b.name(digest), data)
	} else {
		err = PutBytes(ctx, b.Store, b.name(digest), data)
	}
	if err != nil && !errors.Is(err, ErrExists) {
		return "", fmt.Errorf("keep blob: %w", err)
	}
	return digest, nil
}

// Get returns the content that has the digest: that content or an error, [DigestError] when the object is damaged,
// [ErrNotExist] when there is none. The caller owns the bytes.
func (b Blobs) Get(ctx context.Context, digest string) ([]byte, error) {
	if !isDigest(digest) {
		return nil, fmt.Errorf("blob %q: not a digest, want 64 lower-case hexadecimal digits", digest)
	}
	get := b.Store.Get
	if bulk, ok := b.Store.(BulkStore); ok && b.Bulk {
		get = bulk.GetBulk
	}
	data, err := get(ctx, b.name(digest))
	if err != nil {
		return nil, fmt.Errorf("get blob: %w", err)
	}
	if got := b.digestOf(data); got != digest {
		return nil, &DigestError{Under: b.Under, Want: digest, Got: got}
	}
	return data, nil
}

func (b Blobs) name(digest string) string {
	if b.Under == "" {
		return "blobs/" + digest
	}
	return b.Under + digest
}

// digestPiece is what a digest is made of at a time, half a millisecond: what Go does in assembly cannot be interrupted, and
// somebody back from a sync of the log may wait for the processor.
const digestPiece = 1 << 20

func (b Blobs) digestOf(data []byte) string {
	h := sha256.New()
	for piece := range slices.Chunk(data, digestPiece) {
		h.Write(piece)
		if b.Yield != nil {
			b.Yield()
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// isDigest accepts exactly the spelling that digestOf makes.
func isDigest(s string) bool {
	sum, err := hex.DecodeString(s)
	return err == nil && len(sum) == sha256.Size && hex.EncodeToString(sum) == s
}
