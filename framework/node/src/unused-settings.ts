/**
 * CCF's settings that a network of one node, on the virtual platform, has no use for yet: they are
 * read past, with a warning where they are set.
 */
export const unusedKeys = {
  root: [
    'attestation',
    'ledger_signatures',
    'worker_threads',
    'memory',
    'enclave',
    'tick_interval',
    'slow_io_logging_threshold',
    'node_client_interface',
    'client_interface',
    'idle_connection_timeout',
    'service_data_json_file',
    'ignore_first_sigterm',
  ],
  nodeToNode: ['protocol'],
  snapshots: [
    'min_tx_count',
    'time_interval',
    'read_only_directory',
    'fetch_retry_interval',
    'backup_fetch',
  ],
  cleanup: ['interval', 'max_committed_ledger_chunks'],
  consensus: ['election_timeout', 'message_timeout'],
  output: ['identity_writer_fd', 'sealed_ledger_secret_location'],
  interface: ['app_protocol'],
  http: [
    'max_headers_count',
    'initial_window_size',
    'max_frame_size',
    'max_concurrent_streams_count',
  ],
  start: ['service_data_json_file', 'startup_host_time'],
  join: [
    'fetch_recent_snapshot',
    'fetch_snapshot_max_attempts',
    'fetch_snapshot_retry_interval',
    'fetch_snapshot_max_size',
    'host_data_transparent_statement_path',
  ],
  service: ['reconfiguration_type', 'recent_cose_proposals_window_size'],
} as const;
