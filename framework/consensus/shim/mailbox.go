package main

import (
	"encoding/binary"
	"errors"

	pb "go.etcd.io/raft/v3/raftpb"
)

// The mailbox: the host writes a call's argument into `in` and reads its result from `out`.
// Both are little-endian and unaligned. `out` is valid until the next call. The layouts stand in
// docs/formats/raft-mailbox.md; src/raft-instance.ts is the other end.
var (
	in  []byte
	out []byte
)

var errDecode = errors.New("the mailbox or the message does not decode")

// A mailbox larger than this is given back to the heap after use.
const mailboxKeptBytes = 1 << 20

func putU32(value uint32) { out = binary.LittleEndian.AppendUint32(out, value) }
func putU64(value uint64) { out = binary.LittleEndian.AppendUint64(out, value) }

func putBool(value bool) {
	if value {
		putU32(1)
	} else {
		putU32(0)
	}
}

func putBytes(value []byte) {
	putU32(uint32(len(value)))
	out = append(out, value...)
}

func putIds(ids []uint64) {
	putU32(uint32(len(ids)))
	for _, id := range ids {
		putU64(id)
	}
}

func putConfState(state *pb.ConfState) {
	putIds(state.GetVoters())
	putIds(state.GetLearners())
	putIds(state.GetVotersOutgoing())
	putIds(state.GetLearnersNext())
	putBool(state.GetAutoLeave())
}

// putEntries writes a table of entries with their data. Data are handles of some 70 bytes or
// membership changes, so copying them is cheaper than handing out pointers.
func putEntries(entries []*pb.Entry) {
	putU32(uint32(len(entries)))
	for _, entry := range entries {
		putU64(entry.GetTerm())
		putU64(entry.GetIndex())
		putU32(uint32(entry.GetType()))
		putBytes(entry.GetData())
	}
}

// reader takes values from `in`. After a short read `bad` stays set and every value is zero, so
// callers check it once at the end.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) take(count int) []byte {
	if r.bad || count < 0 || len(r.rest) < count {
		r.bad = true
		return nil
	}
	taken := r.rest[:count]
	r.rest = r.rest[count:]
	return taken
}

func (r *reader) u32() uint32 {
	if taken := r.take(4); taken != nil {
		return binary.LittleEndian.Uint32(taken)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if taken := r.take(8); taken != nil {
		return binary.LittleEndian.Uint64(taken)
	}
	return 0
}

// bytes returns a copy: the mailbox is overwritten by the next call.
func (r *reader) bytes() []byte {
	taken := r.take(int(r.u32()))
	if len(taken) == 0 {
		return nil
	}
	return append([]byte(nil), taken...)
}

func (r *reader) ids() []uint64 {
	count := int(r.u32())
	if r.bad || count > len(r.rest)/8 {
		r.bad = true
		return nil
	}
	ids := make([]uint64, count)
	for at := range ids {
		ids[at] = r.u64()
	}
	return ids
}

func (r *reader) confState() *pb.ConfState {
	state := &pb.ConfState{
		Voters: r.ids(), Learners: r.ids(), VotersOutgoing: r.ids(), LearnersNext: r.ids(),
	}
	isAutoLeave := r.u32() != 0
	state.AutoLeave = &isAutoLeave
	return state
}
