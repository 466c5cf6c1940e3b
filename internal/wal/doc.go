// Package wal keeps opaque records in order, durable and checksummed. It knows no batch: what a record means is said
// in package batch.
//
// Use: a driver first takes the next epoch,
//
//	lease, err := wal.Acquire(fsys, "checkpoint/epochs", wal.AcquireOptions{...})
//
// then reads what earlier epochs left, durable from then on,
//
//	epochs, err := wal.ChainEpochs(fsys, "checkpoint/wal")
//	chain, err := wal.RecoverChain(fsys, "checkpoint/wal", epoch)
//
// and writes a chain of its own,
//
//	log, err := wal.Create(fsys, "checkpoint/wal", lease.Epoch())
//	position, err := log.Append(payload)
//
// looking at [FileLease.Newer] before it does anything that others see. [ReadChain] is for those who only look.
//
// Law: what Append returned a position for is read back, or reading says that something is damaged. Only a last
// record with nothing valid behind it may be left out, and that is told, never silent. Nobody writes to another
// epoch's chain. Reading changes nothing.
//
// Format: docs/formats/log.md, docs/formats/checkpoint.md.
package wal
