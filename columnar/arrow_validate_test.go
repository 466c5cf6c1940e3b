package columnar

import (
	"fmt"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
)

// validate checks all that Arrow's layout demands of an array and its children: enough bytes in every buffer, the number
// of NULLs, offsets that ascend inside the values, children long enough, text that is UTF-8.
func validate(a arrow.Array) error {
	data := a.Data()
	if valid := data.Buffers()[0]; valid != nil {
		if valid.Len() < (data.Offset()+data.Len()+7)/8 {
			return fmt.Errorf("%s: %d bytes of validity for %d rows", a.DataType(), valid.Len(), data.Len())
		}
	}
	nulls := 0
	for i := range a.Len() {
		nulls += int(bit(a.IsNull(i)))
	}
	if nulls != a.NullN() {
		return fmt.Errorf("%s: %d NULLs, said to be %d", a.DataType(), nulls, a.NullN())
	}
	switch a := a.(type) {
	case *array.Map:
		if a.Keys().NullN() > 0 {
			return fmt.Errorf("%s: a key is NULL", a.DataType())
		}
		return validateList(a.Offsets(), a.Len(), a.Keys(), a.Items())
	case *array.List:
		return validateList(a.Offsets(), a.Len(), a.ListValues())
	case *array.Struct:
		for i := range a.NumField() {
			if a.Field(i).Len() != a.Len() {
				return fmt.Errorf("%s: field %d has %d rows of %d", a.DataType(), i, a.Field(i).Len(), a.Len())
			}
			if err := validate(a.Field(i)); err != nil {
				return err
			}
		}
		return nil
	case *array.String:
		for i := range a.Len() {
			if !a.IsNull(i) && !utf8.ValidString(a.Value(i)) {
				return fmt.Errorf("row %d is not UTF-8", i)
			}
		}
		return nil
	}
	if width, ok := a.DataType().(arrow.FixedWidthDataType); ok {
		if need := (width.BitWidth()*(data.Offset()+data.Len()) + 7) / 8; data.Buffers()[1].Len() < need {
			return fmt.Errorf("%s: %d bytes of %d", a.DataType(), data.Buffers()[1].Len(), need)
		}
	}
	return nil
}

func validateList(offsets []int32, rows int, kids ...arrow.Array) error {
	if len(offsets) < rows+1 {
		return fmt.Errorf("%d offsets for %d rows", len(offsets), rows)
	}
	for i := range rows {
		if offsets[i] > offsets[i+1] || offsets[0] < 0 {
			return fmt.Errorf("offsets %v", offsets)
		}
	}
	for _, kid := range kids {
		if int(offsets[rows]) > kid.Len() {
			return fmt.Errorf("offsets end at %d of %d", offsets[rows], kid.Len())
		}
		if err := validate(kid); err != nil {
			return err
		}
	}
	return nil
}
