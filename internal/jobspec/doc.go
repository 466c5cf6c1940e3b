// Package jobspec reads job files: YAML outside, SQL inside.
//
// Use: [Load] a file into a [Spec], then [Spec.Job] for what package batch runs. A checkpoint keeps [Spec.Record];
// [Spec.Resolve] turns such a record back into a job, reached by way of the file at hand.
//
// Law: every error names file, line and column, and the nearest valid word. Nothing unknown is skipped, but for keys
// at the top that begin with "x-". Relative paths count from the job file.
//
// Format: docs/job-file.md.
package jobspec
