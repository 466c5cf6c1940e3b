package jobspec

func (d *decoder) sinks(t *tree, s *Spec) error {
	if err := named(t, "sinks", "sinks"); err != nil {
		return err
	}
	for _, e := range t.entries {
		if !validIdent(e.key) {
			return fail(e.pos, nameRule, "sinks: %q is not a name", e.key)
		}
		k := Sink{Name: e.key, Pos: e.pos}
		where := "sinks." + e.key
		if err := d.fields(e.val, where, map[string]setter{
			"parquet": func(t *tree) error { k.Kind += "parquet"; return d.parquet(t, where+".parquet", &k) },
			"stdout":  func(t *tree) error { k.Kind += "stdout"; return d.fields(orEmpty(t), where+".stdout", nil) },
		}, "kafka", "iceberg", "changelog", "query"); err != nil {
			return err
		}
		if k.Kind != "parquet" && k.Kind != "stdout" { // none, or both
			return fail(e.pos, "", "%s: want one of parquet and stdout", where)
		}
		s.Sinks = append(s.Sinks, k)
	}
	return nil
}

func orEmpty(t *tree) *tree {
	if t.kind == nullTree {
		return &tree{kind: mapTree, pos: t.pos}
	}
	return t
}

func (d *decoder) parquet(t *tree, where string, k *Sink) error {
	k.Compression = "zstd"
	if err := d.fields(t, where, map[string]setter{
		"path":           d.path(&k.Path, where+".path"),
		"partition_by":   func(t *tree) error { return d.partitionBy(t, where+".partition_by", k) },
		"compression":    word(&k.Compression, where+".compression", "zstd", "snappy", "none"),
		"max_partitions": whole(&k.MaxPartitions, where+".max_partitions", 1),
		"file":           func(t *tree) error { return d.fileSize(t, where+".file", k) },
	}, "done_marker", "changelog"); err != nil {
		return err
	}
	return need(t, where, "path")
}

// fileSize reads the key "file" of a Parquet sink.
func (d *decoder) fileSize(t *tree, where string, k *Sink) error {
	return d.fields(t, where, map[string]setter{"max_bytes": size(&k.MaxBytes, where+".max_bytes")}, "max_rows", "max_age")
}

func (d *decoder) partitionBy(t *tree, where string, k *Sink) error {
	items := []*tree{t}
	if t.kind == listTree {
		items = t.items
	}
	for _, item := range items {
		if item.kind != scalarTree {
			return fail(item.pos, "", "%s: %s is not an expression", where, item.kind)
		}
		pos := item.pos
		if item.quoted && !item.block {
			pos.Column++ // behind the quote
		}
		k.PartitionBy = append(k.PartitionBy, Partition{Text: item.scalar, Pos: pos})
	}
	return nil
}
