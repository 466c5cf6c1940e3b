package jobspec

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/internal/store/s3"
)

// Into is the place that a replay writes files to, each sink in one of its own below it: a local directory, made absolute, or an
// address s3://bucket/prefix, which is reached as the job file says. One that overlaps with a place of the job is refused.
func (s *Spec) Into(text string) (string, error) {
	place, err := s.placeOf(text)
	if err != nil {
		return "", err
	}
	if err := s.apart(place); err != nil {
		return "", fmt.Errorf("%w; choose another directory", err)
	}
	return place, nil
}

func (s *Spec) placeOf(text string) (string, error) {
	switch {
	case strings.TrimSpace(text) == "":
		return "", fmt.Errorf("needs a directory, or s3://BUCKET/PREFIX")
	case !batch.IsRemote(text):
		return filepath.Abs(text)
	case !isS3(text):
		return "", fmt.Errorf("%s is not supported yet in this version; name a local directory, or s3://BUCKET/PREFIX", text)
	}
	bucket, prefix, err := s3.ParseURL(text)
	if err != nil {
		return "", err
	}
	place := strings.TrimSuffix(s3.Scheme+bucket+"/"+prefix, "/")
	for _, k := range s.Sinks {
		if _, _, err := s3.ParseURL(place + "/" + k.Name); err != nil {
			return "", err
		}
	}
	return place, nil
}

// apart refuses a place that overlaps with one that the job writes to.
func (s *Spec) apart(place string) error {
	taken := map[string]string{string(s.Checkpoint): "the checkpoint"}
	for _, k := range s.Sinks {
		if k.Parquet != nil {
			taken[string(k.Parquet.Path)] = "sink " + k.Name
		}
	}
	for _, path := range slices.Sorted(maps.Keys(taken)) {
		if batch.Overlap(place, path) {
			return fmt.Errorf("%s overlaps with %s of the job, %s", place, taken[path], path)
		}
	}
	return nil
}
