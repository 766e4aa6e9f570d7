# An agent without a model: it does what the prompt on its stdin tells it, and knows nothing else. Paths come from the
# context block, forms and commands from the prompt's text, the work from the project's own files. What it cannot find
# there ends its turn with a failure.
set -eu
prompt=$(cat)

die() { echo "the prompt does not say: $1" >&2; exit 9; }
# The first group of the pattern, in the first line that has it.
find_in_prompt() {
    case $1 in ^*) pattern=$1 ;; *) pattern=".*$1" ;; esac
    case $1 in *\$) ;; *) pattern="$pattern.*" ;; esac
    printf '%s\n' "$prompt" | sed -n "s|$pattern|\\1|p" | head -n 1
}
given() { found=$(find_in_prompt "$1"); test -n "$found" || die "$2"; printf '%s\n' "$found"; }
# The prompt's fenced form that begins with this line.
form() { printf '%s\n' "$prompt" | awk -v first="$1" '
    /^```/ { if (inside) exit; next }
    $0 == first { inside = 1 }
    inside { print }'; }

role=$(given '^- role: \([a-z]*\) ' role)
iteration=$(given ' iteration: \([0-9]*\) ' iteration)
goal=$(given '- goal: \([^ ]*\) ' goal)
plan=$(given ' plan: \([^ ]*\) ' plan)
input=$(given '- input: \([^ ]*\) ' input)
memory=$(given ' memory: \([^ ]*\)$' memory)
reports=$(given '- report folder of this turn: \(.*\)$' 'report folder')

# "- NAME: `COMMAND`" under "Done when" of the goal: NAME<TAB>COMMAND.
done_when() { awk '/^## /{on = $0 == "## Done when"} on && /^- .*`/ {
    name = $0; sub(/^- /, "", name); sub(/:.*/, "", name)
    command = $0; sub(/^[^`]*`/, "", command); sub(/`.*/, "", command); print name "\t" command }' "$goal"; }
# The value of a field of an item of the plan.
field() { awk -v id="### $1:" -v key="- $2: " 'index($0, "### ") == 1 {on = index($0, id) == 1}
    on && index($0, key) == 1 {print substr($0, length(key) + 1); exit}' "$plan"; }
ids() { sed -n 's/^### \([^:]*\):.*/\1/p' "$plan"; }
set_status() { awk -v id="### $1:" -v to="$2" 'index($0, "### ") == 1 {on = index($0, id) == 1}
    on && /^- Status: / {$0 = "- Status: " to} {print}' "$plan" > "$plan.new"; mv "$plan.new" "$plan"; }

supervise() {
    case "$prompt" in *"write 3 to 10"*) ;; *) die "what to do with an empty plan" ;; esac
    if test -z "$(ids)"; then
        number=0
        done_when | while IFS="$(printf '\t')" read -r name command; do
            number=$((number + 1))
            printf '\n### G-%s: %s\n- Status: open\n- Depends on: none\n- Done when: the command below passes\n- Test: %s\n- Attempts:\n' \
                "$number" "$name" "$command" >> "$plan"
        done
    fi
    # Verify first: the last claim is believed when its check passes here.
    verified=nothing
    for id in $(ids); do
        test "$(field "$id" Status)" = active || continue
        verified="$id: open"
        set_status "$id" open
        if sh -c "$(field "$id" Test)"; then set_status "$id" "done"; verified="$id: done"; fi
    done
    focus=none
    for id in $(ids); do
        test "$(field "$id" Status)" = open || continue
        focus=$id
        break
    done
    {
        printf '\n## Iteration %s\nSeen up to: commit %s\nVerified: %s\nFocus: %s\n' \
            "$iteration" "$(git rev-parse --short HEAD)" "$verified" "$focus"
    } >> "$memory"
    # Every line of "Done when", in this turn.
    missing=$(done_when | while IFS="$(printf '\t')" read -r name command; do
        sh -c "$command" > /dev/null 2>&1 || echo "$name"
    done)
    if test -z "$missing"; then
        stop=$(given '^[^`]*`\(orchestrator stop --reason\) "' 'how to stop')
        given '^- to stop the loop after this turn: \(orchestrator stop --reason\)' 'that this role may stop' > /dev/null
        $stop "every line of Done when holds"
        echo "all done"
        return
    fi
    set_status "$focus" active
    check=$(field "$focus" Test)
    form '# Input' | awk -v id="$focus" -v check="$check" '
        /^Focus: / {print "Focus: " id; next}
        /^1\. / {print "1. Make the check below pass; the file it names."; next}
        /^ *Check: / {print "   Check: " check; next}
        {print}' > "$input"
    test -s "$input" || die "the form of the orders"
    echo "focus $focus"
}

engineer() {
    focus=$(sed -n 's/^Focus: //p' "$input")
    check=$(sed -n 's/^ *Check: //p' "$input" | head -n 1)
    mkdir -p "$reports"
    # Search before writing; all that this agent can do is put the wanted word into the wanted file.
    if ! sh -c "$check" > /dev/null 2>&1; then
        echo "$check" | awk '{print $3}' > "$(echo "$check" | awk '{print $4}')"
    fi
    status=0
    sh -c "$check" > "$reports/check.txt" 2>&1 || status=$?
    printf '%s: exit status %s\n' "$check" "$status" >> "$reports/check.txt"
    attempt=$(form '  - iteration N: what was changed') && test -n "$attempt" || die "the form of an attempt"
    attempt=$(printf '%s\n' "$attempt" | sed "s|iteration N:.*|iteration $iteration: the file that the check names|; s|check: .*|check: $check|; s|result: .*|result: exit status $status, $reports""check.txt|; s|next: .*|next: ready for review|")
    awk -v id="### $focus:" -v text="$attempt" 'index($0, "### ") == 1 {on = index($0, id) == 1} {print}
        on && /^- Attempts:/ {print text}' "$plan" > "$plan.new"
    mv "$plan.new" "$plan"
    git add -A
    git commit -qm "$focus: $check"
    echo "$focus: $check passes, $reports""check.txt"
}

case $role in
    galph) supervise ;;
    *) engineer ;;
esac
