//go:build wasip1

package main

import (
	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

//go:wasmexport rn_tick
func rnTick() uint32 { return started(func() error { node.Tick(); return nil }) }

//go:wasmexport rn_campaign
func rnCampaign() uint32 { return started(node.Campaign) }

// rn_inspect [raftpb.Message] -> [type u32, from, to, term, commit, entries{term, index, type,
// data}, hasSnapshot u32, {index, term, configuration, data}].
//
// It decodes a peer's message and keeps it for rn_step, so that the host needs no protobuf
// parser to learn which bodies a message names. Membership changes inside are decoded here
// already: Raft would panic on one that does not decode.
//
//go:wasmexport rn_inspect
func rnInspect() uint32 {
	return started(func() error {
		inspected = nil
		message := &pb.Message{}
		if proto.Unmarshal(in, message) != nil {
			return errDecode
		}
		for _, entry := range message.GetEntries() {
			if entry.GetType() != pb.EntryNormal {
				if _, err := confChangeOf(entry.GetType(), entry.GetData()); err != nil {
					return err
				}
			}
		}
		inspected = message
		putU32(uint32(message.GetType()))
		putU64(message.GetFrom())
		putU64(message.GetTo())
		putU64(message.GetTerm())
		putU64(message.GetCommit())
		putEntries(message.GetEntries())
		hasSnapshot := !raft.IsEmptySnap(message.GetSnapshot())
		putBool(hasSnapshot)
		if hasSnapshot {
			putSnapshot(message.GetSnapshot())
		}
		return nil
	})
}

// rn_step steps the message that rn_inspect decoded last, once.
//
//go:wasmexport rn_step
func rnStep() uint32 {
	return started(func() error {
		if inspected == nil {
			return errState
		}
		message := inspected
		inspected = nil
		return node.Step(message)
	})
}

// isLeaderIn says whether this node leads in the term; nothing may be proposed otherwise.
func isLeaderIn(term float64) bool {
	status := node.BasicStatus()
	return status.RaftState == raft.StateLeader && status.GetTerm() == uint64(term)
}

// rn_propose(term) [data]. It refuses unless this node leads in that term, checked in the same
// call, so that no election can fall between check and proposal. The entry's index is not known
// before the next Ready names it.
//
//go:wasmexport rn_propose
func rnPropose(term float64) uint32 {
	return started(func() error {
		if !isLeaderIn(term) {
			return errNotLeader
		}
		return node.Propose(append([]byte(nil), in...))
	})
}

// rn_propose_membership(term) [count u32, {type u32, node}]. More than one change makes a joint
// configuration, which Raft leaves by itself.
//
//go:wasmexport rn_propose_membership
func rnProposeMembership(term float64) uint32 {
	return started(func() error {
		r := &reader{rest: in}
		change := &pb.ConfChangeV2{}
		for left := r.u32(); left > 0 && !r.bad; left-- {
			kind, id := pb.ConfChangeType(r.u32()), r.u64()
			change.Changes = append(change.Changes, &pb.ConfChangeSingle{Type: &kind, NodeId: &id})
		}
		if r.bad {
			return errDecode
		}
		if !isLeaderIn(term) {
			return errNotLeader
		}
		return node.ProposeConfChange(change)
	})
}

func confChangeOf(kind pb.EntryType, data []byte) (pb.ConfChangeI, error) {
	if kind == pb.EntryConfChange {
		change := &pb.ConfChange{}
		if proto.Unmarshal(data, change) != nil {
			return nil, errDecode
		}
		return change, nil
	}
	change := &pb.ConfChangeV2{}
	if proto.Unmarshal(data, change) != nil {
		return nil, errDecode
	}
	return change, nil
}

// rn_apply_membership(entryType) [data of the committed entry] -> [configuration].
//
//go:wasmexport rn_apply_membership
func rnApplyMembership(kind uint32) uint32 {
	return started(func() error {
		change, err := confChangeOf(pb.EntryType(kind), in)
		if err != nil {
			return err
		}
		putConfState(node.ApplyConfChange(change))
		return nil
	})
}

// rn_read_index [context].
//
//go:wasmexport rn_read_index
func rnReadIndex() uint32 {
	return started(func() error { node.ReadIndex(append([]byte(nil), in...)); return nil })
}

//go:wasmexport rn_transfer_leader
func rnTransferLeader(to float64) uint32 {
	return started(func() error { node.TransferLeader(uint64(to)); return nil })
}

// rn_abdicate makes a leader give up its office. Raft has no call for it when no peer can take
// over, so this node hears of a higher term from itself, as it would from any peer that had
// campaigned and failed: it becomes a follower of nobody in term + 1, without a vote. Safe, for
// a term without leader is ordinary in Raft.
//
//go:wasmexport rn_abdicate
func rnAbdicate(term float64) uint32 {
	return started(func() error {
		if !isLeaderIn(term) {
			return errNotLeader
		}
		id, next := node.BasicStatus().ID, uint64(term)+1
		return node.Step(&pb.Message{
			Type: pb.MsgAppResp.Enum(), From: &id, To: &id, Term: &next, Reject: proto.Bool(true),
		})
	})
}

//go:wasmexport rn_report_unreachable
func rnReportUnreachable(id float64) uint32 {
	return started(func() error { node.ReportUnreachable(uint64(id)); return nil })
}

//go:wasmexport rn_report_snapshot
func rnReportSnapshot(id float64, isSent uint32) uint32 {
	return started(func() error {
		status := raft.SnapshotFailure
		if isSent != 0 {
			status = raft.SnapshotFinish
		}
		node.ReportSnapshot(uint64(id), status)
		return nil
	})
}
