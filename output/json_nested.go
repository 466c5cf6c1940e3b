package output

import (
	"bytes"
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// jsonNested appends an array, a struct or a map.
func jsonNested(dst []byte, v *columnar.Vector, r int) ([]byte, error) {
	switch v.Type.Kind {
	case columnar.Array:
		return jsonArray(dst, v, r)
	case columnar.Struct:
		return jsonStruct(dst, v, r)
	case columnar.Map:
		return jsonMap(dst, v, r)
	}
	return nil, fmt.Errorf("%s cannot be printed", v.Type.Article())
}

func jsonArray(dst []byte, v *columnar.Vector, r int) ([]byte, error) {
	var err error
	dst = append(dst, '[')
	for i := v.Off[r]; i < v.Off[r+1]; i++ {
		if i > v.Off[r] {
			dst = append(dst, ',')
		}
		if dst, err = jsonValue(dst, v.Kids[0], int(i)); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func jsonStruct(dst []byte, v *columnar.Vector, r int) ([]byte, error) {
	var err error
	dst = append(dst, '{')
	for i, f := range v.Type.Fields() {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = jsonValue(append(appendJSONString(dst, []byte(f.Name)), ':'), v.Kids[i], r); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// jsonMap writes keys that are no text as the text of their JSON form.
func jsonMap(dst []byte, v *columnar.Vector, r int) ([]byte, error) {
	var err error
	dst = append(dst, '{')
	for i := v.Off[r]; i < v.Off[r+1]; i++ {
		if i > v.Off[r] {
			dst = append(dst, ',')
		}
		from := len(dst)
		if dst, err = jsonValue(dst, v.Kids[0], int(i)); err != nil {
			return nil, err
		}
		if key := dst[from:]; key[0] != '"' {
			dst = appendJSONString(dst[:from], bytes.Clone(key))
		}
		if dst, err = jsonValue(append(dst, ':'), v.Kids[1], int(i)); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}
