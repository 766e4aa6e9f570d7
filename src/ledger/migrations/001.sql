create table runs (
    run_id text primary key not null,
    kind text not null check (kind in ('turns', 'oneshot', 'batch', 'workstream')),
    project_id text,
    workstream_id text,
    parent_run_id text,
    state text not null
        check (state in ('pending', 'running', 'succeeded', 'failed', 'quarantined', 'canceled')),
    created_at integer not null,
    started_at integer,
    ended_at integer,
    exit_code integer,
    error text,
    metadata text check (metadata is null or json_valid(metadata)),
    owner text check (owner is null or json_valid(owner))
) strict;
create index runs_by_time on runs (created_at);
create index runs_open on runs (run_id) where state in ('pending', 'running');

create table step_attempts (
    attempt_id text primary key not null,
    run_id text not null references runs (run_id),
    step_id text not null,
    sequence integer not null check (sequence >= 1),
    attempt integer not null check (attempt >= 1),
    role text,
    agent text,
    tool text,
    prompt text,
    state text not null check (state in ('running', 'succeeded', 'failed', 'canceled')),
    started_at integer not null,
    ended_at integer,
    exit_code integer,
    signal integer,
    error_kind text,
    error text,
    request text check (request is null or json_valid(request)),
    result text check (result is null or json_valid(result)),
    log_path text,
    input_tokens integer,
    output_tokens integer,
    cost_usd real,
    owner text check (owner is null or json_valid(owner)),
    unique (run_id, sequence)
) strict;
create index attempts_by_step on step_attempts (run_id, step_id);
create index attempts_open on step_attempts (attempt_id) where state = 'running';

-- Numbers are never given twice, also when the newest rows are deleted: subscribers go on from the last they saw.
create table run_events (
    seq integer primary key autoincrement,
    run_id text,
    attempt_id text,
    at integer not null,
    kind text not null,
    data text not null
) strict;
create index events_by_run on run_events (run_id);
