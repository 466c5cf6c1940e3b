package integration

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/integration/s3test"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/s3"
)

// sight is all of a job that anybody can see: the names in its output and in its checkpoint with what changes when they are written, the
// ends of its topic, under read_committed and without, and the records of its log that count.
type sight struct {
	output, checkpoint map[string]string
	ends, stable       map[int32]int64
	log                []batch.Entry
	open               []*batch.Planned
}

// lookout looks at a job.
type lookout struct {
	t          *testing.T
	p          *kafkaProgram
	admin      *kadm.Client
	output     func() map[string]string
	checkpoint func() map[string]string
	env        batch.Env
	address    string // of the checkpoint

	last  *batch.Inspection // of the last look
	names map[string]string // of the log then

	wakes, shared int           // wake-ups, and those behind which something of a batch that counts was written
	spent         time.Duration // by looking
}

func (p *kafkaProgram) lookout(t *testing.T) *lookout {
	return &lookout{t: t, p: p, admin: kadm.NewClient(p.b.Client(t)), env: batch.SystemEnv(), address: p.checkpoint,
		output: func() map[string]string { return listDir(t, p.lake) }, checkpoint: func() map[string]string { return listDir(t, p.checkpoint) }}
}

// inBucket makes it look into a bucket.
func (l *lookout) inBucket(g *s3test.Gateway, bucket string) *lookout {
	client := s3Client(l.t, g.URL, s3.Options{})
	l.address = s3.Scheme + bucket + "/cp"
	l.env.Objects = func(_ context.Context, address string) (store.Objects, error) { return client.Open(address) }
	l.output = func() map[string]string { return listBucket(l.t, g, bucket, "lake/") }
	l.checkpoint = func() map[string]string { return listBucket(l.t, g, bucket, "cp/") }
	return l
}

// listDir lists files with size and time of the last write, but for those that are not there yet by their names.
func listDir(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && (d.IsDir() || strings.HasPrefix(d.Name(), ".")) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			all[strings.TrimPrefix(path, dir+"/")] = fmt.Sprint(info.Size(), " ", info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// listBucket lists objects with their entity tags and times.
func listBucket(t *testing.T, g *s3test.Gateway, bucket, prefix string) map[string]string {
	t.Helper()
	all := map[string]string{}
	pages := awss3.NewListObjectsV2Paginator(g.Client(), &awss3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String(prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page.Contents {
			all[strings.TrimPrefix(aws.ToString(o.Key), prefix)] = fmt.Sprint(aws.ToString(o.ETag), " ", o.LastModified)
		}
	}
	return all
}

// look takes all in.
func (l *lookout) look() *sight {
	l.t.Helper()
	began := time.Now()
	defer func() { l.spent += time.Since(began) }()
	s := &sight{output: l.output(), checkpoint: l.checkpoint(), ends: map[int32]int64{}, stable: map[int32]int64{}}
	s.log, s.open = l.readLog(s.checkpoint)
	all, err := l.admin.ListEndOffsets(l.t.Context(), l.p.out)
	if err != nil {
		l.t.Fatal(err)
	}
	all.Each(func(o kadm.ListedOffset) { s.ends[o.Partition] = o.Offset })
	if all, err = l.admin.ListCommittedOffsets(l.t.Context(), l.p.out); err != nil {
		l.t.Fatal(err)
	}
	all.Each(func(o kadm.ListedOffset) { s.stable[o.Partition] = o.Offset })
	return s
}

// readLog reads what counts of the log, unless that is what it was at the last look.
func (l *lookout) readLog(checkpoint map[string]string) ([]batch.Entry, []*batch.Planned) {
	l.t.Helper()
	names := maps.Clone(checkpoint)
	maps.DeleteFunc(names, func(name, _ string) bool { return !strings.HasPrefix(name, "wal/") })
	if l.last == nil || !maps.Equal(names, l.names) {
		in, err := batch.Inspect(l.t.Context(), l.env, l.address)
		if err != nil {
			l.t.Fatal(err)
		}
		l.last, l.names = in, names
	}
	return l.last.Entries, l.last.History.Open
}

// compare returns what a driver of an epoch did between two looks and must not have done. It may bring a batch to its end whose plan
// counts: the driver that has taken over runs that one again to the same bytes.
func (l *lookout) compare(before, after *sight, epoch uint64) (foreign []string) {
	l.t.Helper()
	open, committed, wrote := map[int64]bool{}, map[int64]bool{}, false
	for _, p := range slices.Concat(before.open, after.open) {
		open[p.Batch] = true
	}
	for _, e := range after.log {
		if c, ok := e.Record.(*batch.Committed); ok {
			committed[c.Batch] = true
		}
	}
	for _, name := range changes(before.output, after.output) {
		_, was := before.output[name]
		n := batchOfName(name)
		manifest := strings.Contains(name, "_millrace/manifest/") && committed[n]
		if was || !open[n] && !manifest && !strings.HasSuffix(name, "_millrace/owner") {
			foreign = append(foreign, "output: "+name)
		}
		wrote = true
	}
	for _, name := range changes(before.checkpoint, after.checkpoint) {
		if !ofEpoch(name, epoch) {
			foreign = append(foreign, "checkpoint: "+name)
		}
	}
	foreign = append(foreign, l.compareLogs(before, after, epoch)...)
	if !maps.Equal(before.ends, after.ends) || !maps.Equal(before.stable, after.stable) {
		for _, batch := range l.batchesBehind(before.ends, after.ends) {
			if wrote = true; !open[batch] {
				foreign = append(foreign, fmt.Sprintf("topic: records of batch %d", batch))
			}
		}
	}
	if l.wakes++; wrote {
		l.shared++
	}
	return foreign
}

// compareLogs: records that count stay, and new ones are those of the driver's own chain as long as no later one has begun.
func (l *lookout) compareLogs(before, after *sight, epoch uint64) []string {
	if len(after.log) < len(before.log) || !reflect.DeepEqual(before.log, after.log[:len(before.log)]) {
		return []string{"log: records that counted are gone, or are others"}
	}
	var foreign []string
	for _, e := range after.log[len(before.log):] {
		if e.At.Epoch != epoch {
			foreign = append(foreign, fmt.Sprintf("log: record %d of epoch %d", e.At.Sequence, e.At.Epoch))
		}
	}
	return foreign
}

// changes are the names that are new, gone or written, sorted.
func changes(before, after map[string]string) []string {
	var out []string
	for name, is := range after {
		if was, ok := before[name]; !ok || was != is {
			out = append(out, name)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// batchOfName is the batch of a data file or a manifest; 0 for other names.
func batchOfName(name string) int64 {
	base := filepath.Base(name)
	if _, rest, ok := strings.Cut(base, "-b"); ok && strings.HasSuffix(base, ".parquet") {
		base = rest
	}
	digits, _, _ := strings.Cut(base, "-")
	n, _ := strconv.ParseInt(strings.TrimSuffix(digits, ".json"), 10, 64)
	return n
}

// ofEpoch reports whether a name in a checkpoint is one that a driver may write at any time: it carries the epoch, or is named by its content.
// Heartbeats are politeness, and come when they come.
func ofEpoch(name string, epoch uint64) bool {
	own := fmt.Sprintf("%010d", epoch)
	dir, rest, _ := strings.Cut(name, "/")
	switch dir {
	case "wal":
		return strings.HasPrefix(rest, own)
	case "state", "snapshots":
		return strings.Contains(rest, "-"+own+"-")
	}
	return dir == "beats" || dir == "blobs"
}

// batchesBehind are those of the records of the topic between two ends, also of transactions that are open or aborted.
func (l *lookout) batchesBehind(from, to map[int32]int64) []int64 {
	l.t.Helper()
	at := map[int32]kgo.Offset{}
	left := map[int32]int64{}
	for partition, end := range to {
		if end > from[partition] {
			at[partition], left[partition] = kgo.NewOffset().At(from[partition]), end
		}
	}
	seen := map[int64]bool{}
	if len(at) == 0 {
		return nil
	}
	c := l.p.b.Client(l.t, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{l.p.out: at}), kgo.FetchIsolationLevel(kgo.ReadUncommitted()), kgo.KeepControlRecords())
	for len(left) > 0 {
		f := c.PollFetches(l.t.Context())
		if err := f.Err(); err != nil {
			l.t.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) {
			if r.Offset+1 >= left[r.Partition] {
				delete(left, r.Partition)
			}
			for _, h := range r.Headers {
				if h.Key == "millrace-batch" && !r.Attrs.IsControl() {
					n, err := strconv.ParseInt(string(h.Value), 10, 64)
					if err != nil {
						l.t.Fatal(err)
					}
					seen[n] = true
				}
			}
		})
	}
	return slices.Sorted(maps.Keys(seen))
}

// String says what was seen.
func (l *lookout) String() string {
	return fmt.Sprintf("0 foreign writes in %d looks around wake-ups, %d of which ended a batch that counts", l.wakes, l.shared)
}

// TestLookout has the lookout see what a driver of epoch 2 must not do behind a take-over, and leave alone what it may.
func TestLookout(t *testing.T) {
	before := func() *sight {
		return &sight{output: map[string]string{"rows/j-b000000000001-s000-h.parquet": "1"}, checkpoint: map[string]string{"wal/0000000002/000000000001": "1", "wal/0000000003/000000000001": "1"},
			log: []batch.Entry{{Record: &batch.Committed{Batch: 1}}}, open: []*batch.Planned{{Batch: 2}}}
	}
	for _, test := range []struct {
		do   func(*sight)
		want string
	}{
		{func(s *sight) { s.output["rows/j-b000000000002-s000-h.parquet"] = "1" }, "[]"},
		{func(s *sight) { s.output["rows/_millrace/manifest/000000000001.json"] = "1" }, "[]"},
		{func(s *sight) { s.output["rows/_millrace/manifest/000000000002.json"] = "1" }, "[]"},
		{func(s *sight) { s.output["rows/_millrace/manifest/000000000003.json"] = "1" }, "[output: rows/_millrace/manifest/000000000003.json]"},
		{func(s *sight) { s.output["rows/j-b000000000003-s000-h.parquet"] = "1" }, "[output: rows/j-b000000000003-s000-h.parquet]"},
		{func(s *sight) { s.output["rows/j-b000000000001-s001-h.parquet"] = "1" }, "[output: rows/j-b000000000001-s001-h.parquet]"},
		{func(s *sight) { s.output["rows/j-b000000000001-s000-h.parquet"] = "2" }, "[output: rows/j-b000000000001-s000-h.parquet]"},
		{func(s *sight) { clear(s.output) }, "[output: rows/j-b000000000001-s000-h.parquet]"},
		{func(s *sight) { s.checkpoint["wal/0000000002/000000000002"] = "1" }, "[]"},
		{func(s *sight) { s.checkpoint["beats/0000000002.json"] = "1" }, "[]"},
		{func(s *sight) { s.checkpoint["state/000000000002-0000000002-abc"] = "1" }, "[]"},
		{func(s *sight) { s.checkpoint["state/000000000002-0000000003-abc"] = "1" }, "[checkpoint: state/000000000002-0000000003-abc]"},
		{func(s *sight) { s.checkpoint["wal/0000000003/000000000002"] = "1" }, "[checkpoint: wal/0000000003/000000000002]"},
		{func(s *sight) { delete(s.checkpoint, "wal/0000000003/000000000001") }, "[checkpoint: wal/0000000003/000000000001]"},
		{func(s *sight) { s.checkpoint["epochs/0000000004.json"] = "1" }, "[checkpoint: epochs/0000000004.json]"},
		{func(s *sight) { s.log = nil }, "[log: records that counted are gone, or are others]"},
	} {
		l, after := &lookout{t: t}, before()
		test.do(after)
		if got := fmt.Sprint(l.compare(before(), after, 2)); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
