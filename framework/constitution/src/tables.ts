/**
 * The tables that the constitution reads and writes. docs/formats/governance-tables.md says what
 * stands in them; `public:ccf.` names are CCF's, `public:coco.` names Coco's own.
 */

const ccfGovernance = 'public:ccf.gov';
const cocoGovernance = 'public:coco.gov';

export const constitutionTable: string = `${ccfGovernance}.constitution`;
export const proposalInfoTable: string = `${ccfGovernance}.proposals_info`;

export const memberCertificateTable: string = `${ccfGovernance}.members.certs`;
export const memberEncryptionKeyTable: string = `${ccfGovernance}.members.encryption_public_keys`;
export const memberInfoTable: string = `${ccfGovernance}.members.info`;
export const memberAckTable: string = `${ccfGovernance}.members.acks`;
export const memberHistoryTable: string = `${ccfGovernance}.history`;
export const userCertificateTable: string = `${ccfGovernance}.users.certs`;
export const userInfoTable: string = `${ccfGovernance}.users.info`;

export const serviceInfoTable: string = `${ccfGovernance}.service.info`;
export const serviceConfigTable: string = `${ccfGovernance}.service.config`;
export const signatureTable: string = 'public:ccf.internal.signatures';

export const moduleTable: string = `${ccfGovernance}.modules`;
export const moduleBytecodeTable: string = `${ccfGovernance}.modules_quickjs_bytecode`;
export const moduleBytecodeVersionTable: string = `${ccfGovernance}.modules_quickjs_version`;
export const endpointTable: string = `${ccfGovernance}.endpoints`;
export const interpreterFlushTable: string = `${ccfGovernance}.interpreter.flush`;
export const runtimeOptionsTable: string = `${ccfGovernance}.js_runtime_options`;

export const caBundleTable: string = `${ccfGovernance}.tls.ca_cert_bundles`;
export const jwtIssuerTable: string = `${ccfGovernance}.jwt.issuers`;

export const nodeInfoTable: string = `${ccfGovernance}.nodes.info`;
export const nodeCertificateTable: string = `${ccfGovernance}.nodes.endorsed_certificates`;
export const nodeCodeTable: string = `${ccfGovernance}.nodes.code_ids`;
export const snpMeasurementTable: string = `${ccfGovernance}.nodes.snp.measurements`;
export const snpHostDataTable: string = `${ccfGovernance}.nodes.snp.host_data`;
export const snpUvmEndorsementTable: string = `${ccfGovernance}.nodes.snp.uvm_endorsements`;
export const snpTcbVersionTable: string = `${ccfGovernance}.nodes.snp.tcb_versions`;
export const virtualMeasurementTable: string = `${ccfGovernance}.nodes.virtual.measurements`;
export const virtualHostDataTable: string = `${ccfGovernance}.nodes.virtual.host_data`;

export const adapterTable: string = `${cocoGovernance}.adapters`;

export const rulesTable: string = `${cocoGovernance}.rules`;
export const standingPermissionTable: string = `${cocoGovernance}.standing_permissions`;
/** Which members are active; the node keeps it. */
export const activeMemberTable: string = `${cocoGovernance}.active_members`;
export const clockTable: string = `${cocoGovernance}.clock`;
export const proposalTimeTable: string = `${cocoGovernance}.proposal_times`;
