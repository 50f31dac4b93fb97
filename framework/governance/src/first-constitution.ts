/**
 * What a ledger without a constitution is governed by: those that the first version of Coco wrote
 * hold an empty text. It says what that version did natively, and how to vote for a real one; a new
 * service starts with a constitution of its own.
 *
 * The proposer's consent counts as a ballot, and a strict majority of the active members accepts.
 */
export const firstConstitution = `
const one = new ArrayBuffer(8);

function identity(value, field) {
  if (typeof value !== "string") throw new Error(field + " must be a certificate in PEM");
}

const actions = new Map([
  ["transition_service_to_open", {
    validate(args) {
      identity(args.next_service_identity, "next_service_identity");
      if (args.previous_service_identity != null) {
        identity(args.previous_service_identity, "previous_service_identity");
      }
    },
    apply(args) {
      const previous = args.previous_service_identity;
      ccf.node.transitionServiceToOpen(
        previous == null ? undefined : ccf.strToBuf(previous),
        ccf.strToBuf(args.next_service_identity),
      );
    },
  }],
  ["set_constitution", {
    validate(args) {
      if (typeof args.constitution !== "string" || args.constitution === "") {
        throw new Error("constitution must be a text");
      }
    },
    apply(args, proposalId) {
      const text = ccf.jsonCompatibleToBuf(args.constitution);
      ccf.kv["public:ccf.gov.constitution"].set(one, text);
      const proposals = ccf.kv["public:ccf.gov.proposals_info"];
      proposals.forEach((value, key) => {
        const info = ccf.bufToJsonCompatible(value);
        if (info.state !== "Open" || ccf.bufToStr(key) === proposalId) return;
        proposals.set(key, ccf.jsonCompatibleToBuf({ ...info, state: "Dropped" }));
      });
    },
  }],
]);

export function validate(input) {
  const proposal = JSON.parse(input);
  const problems = [];
  for (const [position, action] of proposal.actions.entries()) {
    const known = actions.get(action.name);
    if (!known) {
      problems.push(action.name + ": no such action");
      continue;
    }
    try {
      known.validate(action.args);
    } catch (error) {
      problems.push(action.name + " at position " + position + " failed validation: " + error);
    }
  }
  return { valid: problems.length === 0, description: problems.join(", ") };
}

export function resolve(proposal, proposerId, votes) {
  let active = 0;
  let accepting = 0;
  ccf.kv["public:ccf.gov.members.info"].forEach((value, key) => {
    if (ccf.bufToJsonCompatible(value).status !== "Active") return;
    active++;
    const id = ccf.bufToStr(key);
    const ballot = votes.find((one) => one.member_id === id);
    if (ballot ? ballot.vote : id === proposerId) accepting++;
  });
  return accepting * 2 > active ? "Accepted" : "Open";
}

export function apply(input, proposalId) {
  for (const action of JSON.parse(input).actions) {
    actions.get(action.name).apply(action.args, proposalId);
  }
}
`;
