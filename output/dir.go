package output

import "github.com/millrace/millrace/internal/store"

// Dir returns the store of a local directory, which need not exist yet: what [ParquetConfig].Store wants. Files are
// created whole and durable, and never replaced.
func Dir(root string) store.Store { return &store.Local{Root: root} }
