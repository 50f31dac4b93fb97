/**
 * A constitution in the style of CCF's for tests: a few actions, a strict majority of the active
 * members by ballots, and actions that misbehave on purpose.
 */
export const testConstitution = `
const one = new ArrayBuffer(8);
const table = (name) => ccf.kv["public:ccf.gov." + name];
const json = (name, key) => {
  const row = table(name).get(key);
  return row === undefined ? undefined : ccf.bufToJsonCompatible(row);
};

const actions = {
  transition_service_to_open: (args) => ccf.node.transitionServiceToOpen(
    args.previous_service_identity && ccf.strToBuf(args.previous_service_identity),
    ccf.strToBuf(args.next_service_identity),
  ),
  set_user: (args) => {
    const key = ccf.strToBuf(args.id);
    table("users.certs").set(key, ccf.strToBuf(args.cert));
    if (args.user_data) table("users.info").set(key, ccf.jsonCompatibleToBuf({ user_data: args.user_data }));
  },
  remove_user: (args) => table("users.certs").delete(ccf.strToBuf(args.user_id)),
  set_member: (args) => {
    const key = ccf.strToBuf(args.id);
    table("members.certs").set(key, ccf.strToBuf(args.cert));
    if (args.encryption_pub_key) {
      table("members.encryption_public_keys").set(key, ccf.strToBuf(args.encryption_pub_key));
    }
    const info = { status: "Accepted", member_data: args.member_data };
    table("members.info").set(key, ccf.jsonCompatibleToBuf(info));
    table("members.acks").set(key, ccf.jsonCompatibleToBuf({ state_digest: "" }));
  },
  remove_member: (args) => {
    const key = ccf.strToBuf(args.member_id);
    for (const name of ["certs", "encryption_public_keys", "info", "acks"]) {
      table("members." + name).delete(key);
    }
  },
  set_constitution: (args, id) => {
    table("constitution").set(one, ccf.jsonCompatibleToBuf(args.constitution));
    const infos = table("proposals_info");
    infos.forEach((value, key) => {
      const info = ccf.bufToJsonCompatible(value);
      if (info.state !== "Open" || ccf.bufToStr(key) === id) return;
      infos.set(key, ccf.jsonCompatibleToBuf({ ...info, state: "Dropped" }));
    });
  },
  set_recovery_threshold: (args) => {
    const config = json("service.config", one);
    config.recovery_threshold = args.recovery_threshold;
    table("service.config").set(one, ccf.jsonCompatibleToBuf(config));
  },
  set_js_runtime_options: (args) =>
    table("js_runtime_options").set(one, ccf.jsonCompatibleToBuf(args)),
  write_row: (args) =>
    ccf.kv[args.table].set(args.key ? ccf.strToBuf(args.key) : one, ccf.strToBuf(args.value)),
  remove_row: (args) => ccf.kv[args.table].delete(one),
  set_adapter_settings: (args) => ccf.coco.applyAdapterSettings(args.adapter, args.settings),
  throw_error: (args) => { throw new Error(args.message); },
  loop: () => { for (;;); },
};

export function validate(input) {
  const { actions: listed } = JSON.parse(input);
  const problems = [];
  for (const { name, args } of listed) {
    if (!Object.hasOwn(actions, name)) problems.push(name + ": no such action");
    else if (name === "transition_service_to_open" && typeof args.next_service_identity !== "string") {
      problems.push(name + ": next_service_identity must be a certificate");
    } else if (name === "set_adapter_settings") {
      try {
        ccf.coco.checkAdapterSettings(args.adapter, args.settings);
      } catch (error) {
        problems.push(error.message);
      }
    }
  }
  return { valid: problems.length === 0, description: problems.join(", ") };
}

export function resolve(proposal, proposerId, votes) {
  let active = 0;
  table("members.info").forEach((value) => {
    if (ccf.bufToJsonCompatible(value).status === "Active") active++;
  });
  const isActive = ({ member_id: id }) =>
    json("members.info", ccf.strToBuf(id))?.status === "Active";
  const counted = votes.filter(isActive);
  const accepting = counted.filter(({ vote }) => vote).length;
  if (accepting * 2 > active) return "Accepted";
  return (counted.length - accepting) * 2 > active ? "Rejected" : "Open";
}

export function apply(input, proposalId) {
  for (const { name, args } of JSON.parse(input).actions) actions[name](args, proposalId);
}
`;

export const yes = 'export function vote() { return true; }';
export const no = 'export function vote() { return false; }';
