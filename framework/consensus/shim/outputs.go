//go:build wasip1

package main

import (
	"encoding/binary"
	"errors"
	"slices"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

func putSnapshot(snapshot *pb.Snapshot) {
	meta := snapshot.GetMetadata()
	putU64(meta.GetIndex())
	putU64(meta.GetTerm())
	putConfState(pb.EnsureConfState(meta.GetConfState()))
	putBytes(snapshot.GetData())
}

// rn_has_ready: 1 when rn_ready would return work and no Ready is open.
//
//go:wasmexport rn_has_ready
func rnHasReady() uint32 {
	if node != nil && !isPoisoned && !isOpen && node.HasReady() {
		return 1
	}
	return 0
}

// rn_ready -> [hasSnapshot u32, {index, term, configuration, data}, reads{index, context},
// entries, committed, messages{to, type u32, entries, bytes}].
//
// SoftState and HardState are not in it: the host watches rn_role, and nothing of the HardState
// is ever written, because nothing would be read back. Every message comes with the table of its
// entries, so that the host can attach the bodies that they name.
//
//go:wasmexport rn_ready
func rnReady() uint32 {
	return started(func() error {
		if isOpen {
			return errState
		}
		ready = node.Ready()
		isOpen = true
		hasSnapshot := !raft.IsEmptySnap(ready.Snapshot)
		putBool(hasSnapshot)
		if hasSnapshot {
			putSnapshot(ready.Snapshot)
		}
		putU32(uint32(len(ready.ReadStates)))
		for _, read := range ready.ReadStates {
			putU64(read.Index)
			putBytes(read.RequestCtx)
		}
		putEntries(ready.Entries)
		putEntries(ready.CommittedEntries)
		putU32(uint32(len(ready.Messages)))
		for _, message := range ready.Messages {
			if err := putMessage(message); err != nil {
				return err
			}
		}
		return nil
	})
}

func putMessage(message *pb.Message) error {
	putU64(message.GetTo())
	putU32(uint32(message.GetType()))
	putEntries(message.GetEntries())
	at := len(out)
	putU32(0)
	var err error
	// Deterministic, so that a seed replays to the same bytes.
	out, err = proto.MarshalOptions{Deterministic: true}.MarshalAppend(out, message)
	if err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(out[at:], uint32(len(out)-at-4))
	return nil
}

// rn_advance: the host has persisted the snapshot and the entries, sent the messages and applied
// the committed entries of the open Ready.
//
//go:wasmexport rn_advance
func rnAdvance() uint32 {
	return started(func() error {
		if !isOpen {
			return errState
		}
		if !raft.IsEmptySnap(ready.Snapshot) {
			if err := storage.ApplySnapshot(ready.Snapshot); err != nil {
				return err
			}
		}
		if !raft.IsEmptyHardState(ready.HardState) {
			if err := storage.SetHardState(ready.HardState); err != nil {
				return err
			}
		}
		if err := storage.Append(ready.Entries); err != nil {
			return err
		}
		done := ready
		ready = raft.Ready{}
		isOpen = false
		node.Advance(done)
		return nil
	})
}

// rn_snapshot(index) [configuration, data]: what a peer gets that the log no longer serves. It
// does not shorten the log, so that it can be renewed whenever a member joins.
//
//go:wasmexport rn_snapshot
func rnSnapshot(index float64) uint32 {
	return started(func() error {
		r := &reader{rest: in}
		configuration, data := r.confState(), r.bytes()
		if r.bad {
			return errDecode
		}
		_, err := storage.CreateSnapshot(uint64(index), configuration, data)
		if errors.Is(err, raft.ErrSnapOutOfDate) {
			return nil // The present one is at this index or later.
		}
		return err
	})
}

// rn_compact(index): the log forgets everything up to and including index.
//
//go:wasmexport rn_compact
func rnCompact(index float64) uint32 {
	return started(func() error {
		err := storage.Compact(uint64(index))
		if errors.Is(err, raft.ErrCompacted) {
			return nil // It did already.
		}
		return err
	})
}

// rn_role: term * 4 + role (0 follower, 1 candidate, 2 leader, 3 pre-candidate).
//
//go:wasmexport rn_role
func rnRole() float64 {
	if node == nil {
		return 0
	}
	status := node.BasicStatus()
	return float64(status.GetTerm()*4 + uint64(status.RaftState))
}

// rn_leader: the leader's id, 0 when unknown.
//
//go:wasmexport rn_leader
func rnLeader() float64 {
	if node == nil {
		return 0
	}
	return float64(node.BasicStatus().Lead)
}

// rn_status -> [commit, applied, transferee, first index, last index, peers{id, match, next,
// state u32, isLearner u32, isRecentlyActive u32}]. Peers are in order of id; only a leader has any.
//
//go:wasmexport rn_status
func rnStatus() uint32 {
	return started(func() error {
		status := node.Status()
		first, _ := storage.FirstIndex()
		last, _ := storage.LastIndex()
		putU64(status.GetCommit())
		putU64(status.Applied)
		putU64(status.LeadTransferee)
		putU64(first)
		putU64(last)
		ids := make([]uint64, 0, len(status.Progress))
		for id := range status.Progress {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		putU32(uint32(len(ids)))
		for _, id := range ids {
			progress := status.Progress[id]
			putU64(id)
			putU64(progress.Match)
			putU64(progress.Next)
			putU32(uint32(progress.State))
			putBool(progress.IsLearner)
			putBool(progress.RecentActive)
		}
		return nil
	})
}
