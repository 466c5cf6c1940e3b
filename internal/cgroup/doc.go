// Package cgroup reads how much memory the control group of this process may use, of version 1 and 2.
//
// Use: [MemoryLimit] over os.DirFS("/"); tests give it another root. It changes nothing, and where it finds no limit it says
// so: what the host has is nobody's to take.
package cgroup
