#!/bin/sh
# prepare.sh CLI HOME URL: writes the settings that make CLI talk to the model stub at URL below HOME, and prints
# its environment, one NAME=value a line. Used by record.sh and by the suite in tests/it/real.
set -eu
cli=$1 home=$2 url=$3
mkdir -p "$home/tmp"
# Some unpack libraries into it and leave them there.
printf 'TMPDIR=%s/tmp\n' "$home"
printf 'HOME=%s\nXDG_CONFIG_HOME=%s/.config\nXDG_DATA_HOME=%s/.local/share\n' "$home" "$home" "$home"
printf 'XDG_STATE_HOME=%s/.local/state\nXDG_CACHE_HOME=%s/.cache\n' "$home" "$home"
case $cli in
claude)
    printf 'ANTHROPIC_BASE_URL=%s\nANTHROPIC_API_KEY=dummy-key-of-a-test\nIS_SANDBOX=1\n' "$url"
    printf 'CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1\nDISABLE_AUTOUPDATER=1\n'
    printf 'CLAUDE_CODE_MAX_RETRIES=%s\n' "${RETRIES:-0}"
    ;;
codex)
    mkdir -p "$home/.codex"
    cat >"$home/.codex/config.toml" <<TOML
model = "stub-model"
model_provider = "stub"
check_for_update_on_startup = false
[model_providers.stub]
name = "stub"
base_url = "$url/v1"
wire_api = "responses"
env_key = "STUB_KEY"
request_max_retries = ${RETRIES:-0}
stream_max_retries = ${RETRIES:-0}
TOML
    printf 'STUB_KEY=dummy-key-of-a-test\n'
    ;;
gemini)
    mkdir -p "$home/.gemini"
    cat >"$home/.gemini/settings.json" <<JSON
{"security": {"auth": {"selectedType": "gemini-api-key"}},
 "general": {"enableAutoUpdate": false, "maxAttempts": $((${RETRIES:-0} + 1))},
 "privacy": {"usageStatisticsEnabled": false}, "telemetry": {"enabled": false}}
JSON
    printf 'GOOGLE_GEMINI_BASE_URL=%s\nGEMINI_API_KEY=dummy-key-of-a-test\n' "$url"
    ;;
opencode)
    mkdir -p "$home/.config/opencode"
    cat >"$home/.config/opencode/opencode.json" <<JSON
{"autoupdate": false, "share": "disabled", "model": "stub/m", "small_model": "stub/m", "enabled_providers": ["stub"],
 "provider": {"stub": {"npm": "@ai-sdk/openai-compatible", "name": "stub",
  "options": {"baseURL": "$url/v1", "apiKey": "dummy-key-of-a-test"},
  "models": {"m": {"name": "m", "tool_call": true, "cost": {"input": 1, "output": 2},
   "limit": {"context": 1000000, "output": 8000}}}}}}
JSON
    printf 'OPENCODE_DISABLE_AUTOUPDATE=1\nOPENCODE_DISABLE_MODELS_FETCH=1\n'
    ;;
*)
    echo "prepare.sh: no settings for $cli" >&2
    exit 2
    ;;
esac
