# Runs one process at a time for a test and leaves nothing behind, however the test ends.
#
#     sh supervise.sh FOLDER [keep]
#
# Reads orders from standard input: `run WORDS` starts a process from words quoted for the shell, any other word is
# a signal for it. Says `ready`, `pid N`, `sent SIGNAL` and `exit N` on standard output. When standard input ends,
# and it does even when the test is killed, the process is killed and the folder removed; with `keep`, the folder is
# removed when the process ends.

folder=$1
keep=${2:-}
exec 3<&0
mkdir -p "$folder"

# In a shell of its own: nobody may be left to listen, and a broken pipe must not end the supervisor.
say() { (echo "$1") 2>/dev/null; }

say ready
while read -r order words <&3; do
    if [ "$order" != run ]; then
        # The process ended just before.
        say "sent $order"
        continue
    fi
    eval "set -- $words"
    "$@" 3<&- </dev/null >>"$folder/stdout" 2>>"$folder/stderr" &
    child=$!
    say "pid $child"
    (
        while read -r signal <&3; do
            kill -s "$signal" "$child"
            say "sent $signal"
        done
        [ -n "$keep" ] || kill -s KILL "$child"
    ) &
    reader=$!
    wait "$child"
    status=$?
    # Before anything else gets the number of the process.
    kill -s KILL "$reader"
    wait "$reader"
    say "exit $status"
done
rm -rf "$folder"
