//go:build wasip1

// Raftshim puts one etcd/raft RawNode behind a flat byte interface for a WebAssembly host. One
// instance is one node. It holds no rule of its own: the protocol is go.etcd.io/raft, unmodified,
// and every decision of Coco's (what to persist, when to send, whom to admit) is the host's.
//
// The host must obey: one call at a time; rn_start first; rn_ready, then rn_advance, in turns,
// with any number of the other calls between the two. A call that returns codePanic has broken
// an invariant of Raft: the instance refuses everything from then on and the host must stop.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
)

// Result codes; src/raft-instance.ts repeats them in this order.
const (
	codeOK uint32 = iota
	codeDropped
	codePeerNotFound
	codeLocalMessage
	codeCompacted
	codeUnavailable
	codeDecode
	codeState
	codePanic
	codeOther
	codeNotLeader
)

var (
	storage    *raft.MemoryStorage
	node       *raft.RawNode
	ready      raft.Ready
	isOpen     bool // Invariant: a Ready was handed out and not yet advanced.
	isPoisoned bool
	inspected  *pb.Message
)

var (
	errState     = errors.New("a call out of order")
	errNotLeader = errors.New("not the leader in that term")
)

func main() {}

//go:wasmexport rn_in
func rnIn(length uint32) unsafe.Pointer {
	if uint32(cap(in)) < length || in == nil {
		in = make([]byte, max(length, 256))
	}
	in = in[:length]
	return unsafe.Pointer(unsafe.SliceData(in))
}

//go:wasmexport rn_out
func rnOut() unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(out)) }

//go:wasmexport rn_out_len
func rnOutLen() uint32 { return uint32(len(out)) }

// guard turns errors into codes and panics (broken invariants of Raft) into codePanic with the
// text in `out`.
func guard(call func() error) (code uint32) {
	if isPoisoned {
		return codePanic
	}
	if cap(out) > mailboxKeptBytes {
		out = nil
	}
	out = out[:0]
	defer func() {
		if cause := recover(); cause != nil {
			isPoisoned = true
			out = append(out[:0], fmt.Sprint(cause)...)
			code = codePanic
		}
	}()
	return codeOf(call())
}

func codeOf(err error) uint32 {
	switch {
	case err == nil:
		return codeOK
	case errors.Is(err, raft.ErrProposalDropped):
		return codeDropped
	case errors.Is(err, raft.ErrStepPeerNotFound):
		return codePeerNotFound
	case errors.Is(err, raft.ErrStepLocalMsg):
		return codeLocalMessage
	case errors.Is(err, raft.ErrCompacted):
		return codeCompacted
	case errors.Is(err, raft.ErrUnavailable):
		return codeUnavailable
	case errors.Is(err, errDecode):
		return codeDecode
	case errors.Is(err, errState):
		return codeState
	case errors.Is(err, errNotLeader):
		return codeNotLeader
	}
	out = append(out[:0], err.Error()...)
	return codeOther
}

// started guards a call that needs a started node.
func started(call func() error) uint32 {
	if node == nil {
		return codeState
	}
	return guard(call)
}

// Flags of rn_start.
const (
	flagHasGenesis = 1
)

// rn_start [id, electionTick u32, heartbeatTick u32, maxInflightMessages u32, messageBytesMax,
// committedBytesMax, term, flags u32, {index, term, configuration}].
//
// It starts from memory only: a process that stopped never comes back under its id, so no state
// is ever read from a disk that the host could roll back. `term` goes into the HardState, so the
// first election yields term + 1. With flagHasGenesis the log begins after the given point of
// the given configuration; without it the log is empty and the node waits for a snapshot.
//
// PreVote and CheckQuorum keep a returning node from disturbing a leader and make an isolated
// leader step down. Proposals are never forwarded: endpoints forward requests instead, and a
// batch may only enter the log of the leader that executed it. Raft's own limit on uncommitted
// bytes is off (MaxUint64): a dropped proposal costs a view, so the host bounds what is in flight.
//
//go:wasmexport rn_start
func rnStart() uint32 {
	return guard(func() error {
		if node != nil {
			return errState
		}
		r := &reader{rest: in}
		config := &raft.Config{
			ID: r.u64(), ElectionTick: int(r.u32()), HeartbeatTick: int(r.u32()),
			MaxInflightMsgs: int(r.u32()), MaxSizePerMsg: r.u64(), MaxCommittedSizePerReady: r.u64(),
			PreVote: true, CheckQuorum: true, DisableProposalForwarding: true, StepDownOnRemoval: true,
			Logger: logger{},
		}
		term, commit, flags := r.u64(), uint64(0), r.u32()
		storage = raft.NewMemoryStorage()
		if flags&flagHasGenesis != 0 {
			index, indexTerm, configuration := r.u64(), r.u64(), r.confState()
			if r.bad {
				return errDecode
			}
			commit = index
			config.Applied = index
			meta := &pb.SnapshotMetadata{Index: &index, Term: &indexTerm, ConfState: configuration}
			if err := storage.ApplySnapshot(&pb.Snapshot{Metadata: meta}); err != nil {
				return err
			}
		}
		if r.bad {
			return errDecode
		}
		if err := storage.SetHardState(&pb.HardState{Term: &term, Vote: new(uint64), Commit: &commit}); err != nil {
			return err
		}
		config.Storage = storage
		raft.SetLogger(logger{})
		var err error
		node, err = raft.NewRawNode(config)
		return err
	})
}

// rn_memory -> [heap bytes in use, heap bytes held, collections].
//
//go:wasmexport rn_memory
func rnMemory() uint32 {
	return guard(func() error {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		putU64(stats.HeapAlloc)
		putU64(stats.HeapSys)
		putU64(uint64(stats.NumGC))
		return nil
	})
}

// logger sends Raft's warnings and errors to standard error, which the host records. Raft's
// messages name ids, terms and indexes, never an entry's data. A fatal message is a panic, so
// that guard poisons the instance.
type logger struct{}

func write(text string) { _, _ = os.Stderr.WriteString(text + "\n") }

func (logger) Debug(...any)                     {}
func (logger) Debugf(string, ...any)            {}
func (logger) Info(...any)                      {}
func (logger) Infof(string, ...any)             {}
func (logger) Warning(v ...any)                 { write(fmt.Sprint(v...)) }
func (logger) Warningf(format string, v ...any) { write(fmt.Sprintf(format, v...)) }
func (logger) Error(v ...any)                   { write(fmt.Sprint(v...)) }
func (logger) Errorf(format string, v ...any)   { write(fmt.Sprintf(format, v...)) }
func (logger) Fatal(v ...any)                   { panic(fmt.Sprint(v...)) }
func (logger) Fatalf(format string, v ...any)   { panic(fmt.Sprintf(format, v...)) }
func (logger) Panic(v ...any)                   { panic(fmt.Sprint(v...)) }
func (logger) Panicf(format string, v ...any)   { panic(fmt.Sprintf(format, v...)) }
