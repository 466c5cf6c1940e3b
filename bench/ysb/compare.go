package main

import (
	"encoding/csv"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
)

type view struct {
	Campaign string `parquet:"campaign_id,optional"`
	Window   int64  `parquet:"window_start,optional"` // µs
	Views    int64  `parquet:"views,optional"`
}

// compare counts the groups that differ from the truth, are missing, doubled or too many.
func compare(lake, expected string) (wrong, groups int, err error) {
	got := map[string]int64{}
	err = filepath.WalkDir(lake, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".parquet") {
			return err
		}
		rows, err := parquet.ReadFile[view](path)
		for _, v := range rows {
			key := fmt.Sprintf("%s,%d", v.Campaign, v.Window/1000)
			if _, doubled := got[key]; doubled {
				wrong++
			}
			got[key] += v.Views
		}
		return err
	})
	if err != nil {
		return 0, 0, fmt.Errorf("read output: %w", err)
	}
	f, err := os.Open(expected)
	if err != nil {
		return 0, 0, fmt.Errorf("read true counts: %w", err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return 0, 0, fmt.Errorf("read true counts: %w", err)
	}
	for _, l := range lines[1:] {
		key := l[0] + "," + l[1]
		if strconv.FormatInt(got[key], 10) != l[2] {
			wrong++
		}
		delete(got, key)
	}
	return wrong + len(got), len(lines) - 1, nil
}
