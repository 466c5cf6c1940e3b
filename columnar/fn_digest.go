package columnar

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/cespare/xxhash/v2"
)

// digestFunctions are hashes that are defined by their standards, so that other systems compute the same.
func digestFunctions() []*function {
	digest := func(name, standard string, sum func(dst, s []byte) []byte) *function {
		return define(about(name, name+"(string) → string", standard+" of the bytes, as hexadecimal digits in lower case."), "a string or binary",
			always(textRows(func(dst []byte, in []*Vector, r int32) ([]byte, verdict) {
				return sum(dst, in[0].Str(int(r))), fine
			})), sig(String, String), sig(String, Binary))
	}
	return []*function{
		digest("md5", "MD5", func(dst, s []byte) []byte { h := md5.Sum(s); return hex.AppendEncode(dst, h[:]) }),
		digest("sha1", "SHA-1", func(dst, s []byte) []byte { h := sha1.Sum(s); return hex.AppendEncode(dst, h[:]) }),
		digest("sha224", "SHA-224", func(dst, s []byte) []byte { h := sha256.Sum224(s); return hex.AppendEncode(dst, h[:]) }),
		digest("sha256", "SHA-256", func(dst, s []byte) []byte { h := sha256.Sum256(s); return hex.AppendEncode(dst, h[:]) }),
		digest("sha384", "SHA-384", func(dst, s []byte) []byte { h := sha512.Sum384(s); return hex.AppendEncode(dst, h[:]) }),
		digest("sha512", "SHA-512", func(dst, s []byte) []byte { h := sha512.Sum512(s); return hex.AppendEncode(dst, h[:]) }),
		{Function: about("sha2", "sha2(string, bits) → string", "SHA-2 with 224, 256, 384 or 512 bits, a literal; 0 is 256."), takes: "a string or binary, and 224, 256, 384 or 512", kernel: always(nil), resolve: resolveSHA2},
		define(about("crc32", "crc32(string) → bigint", "The CRC-32 of the bytes with the polynomial of IEEE 802.3."), "a string or binary",
			always(intRows(func(in []*Vector, r int32) (int64, verdict) {
				return int64(crc32.ChecksumIEEE(in[0].Str(int(r)))), fine
			})), sig(Int64, String), sig(Int64, Binary)),
		define(about("xxhash64", "xxhash64(string) → bigint", "The 64-bit xxHash (XXH64, seed 0) of the bytes, as a signed number."), "a string or binary",
			always(intRows(func(in []*Vector, r int32) (int64, verdict) {
				return int64(xxhash.Sum64(in[0].Str(int(r)))), fine
			})), sig(Int64, String), sig(Int64, Binary)),
	}
}

func resolveSHA2(fn *function, args []*Expr) (*Expr, error) {
	e, err := overloaded(sig(String, String, Int64), sig(String, Binary, Int64))(fn, args)
	if err != nil {
		return nil, err
	}
	bits, ok := literal(e.Args[1])
	if !ok || bits.Value.Null {
		return nil, errors.New("sha2 takes the number of bits as a literal")
	}
	if bits.Value.I == 0 {
		bits = intLiteral(256)
	}
	name := fmt.Sprintf("sha%d", bits.Value.I)
	if bits.Value.I < 224 || !IsFunction(name) {
		return nil, errors.New("sha2 takes 224, 256, 384 or 512 bits")
	}
	return fn.session.Call(name, e.Args[0])
}
