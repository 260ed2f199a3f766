# Ends the browsers of a daemon that died without saying goodbye: they would go on taking messages, and one that stands
# still does not notice that its daemon is gone (fault F28). Ends them, too, at the moment until which the daemon was
# last allowed to run any, though it may only stand still: another machine may run them from then on.
#
# A browser that ends by itself can leave processes that stand still. Some carry the mark in their environment; a page's
# process writes its title over that, and is known by its group alone.
#
# Standard input comes from the daemon and breaks with it. Its first line is the argument that marks the daemon's
# browsers; "watch <group>" names the process group of one that runs, "forget <group>" one of which nothing is left,
# "until <hundredths of a second>" of the machine's uptime is when none may run any more, and "goodbye" ends the guard. The
# mark is not an argument here, since the guard would then find itself.

# What asks the daemon to stop is the daemon's business; it still says goodbye. Before all else: that may come at once.
trap '' HUP INT TERM

groups=
until=
timer=

forget() {
  left=
  for group in $groups; do
    [ "$group" = "$1" ] || left="$left $group"
  done
  groups=$left
}

# Kills the process groups of all marked processes, and those that are known: a group can outlive its leader.
sweep() {
  for found in $(printf '%s\n' "$mark" "SWITCHBOARD_RUN=${mark#*=}" |
    grep -lszxFf - /proc/[0-9]*/cmdline /proc/[0-9]*/environ); do
    read -r stat <"${found%/*}/stat" || continue
    # After the name, which may hold anything: state, parent, group.
    set -- ${stat##*) }
    groups="$groups $3"
  done
  for group in $groups; do
    kill -s KILL -- "-$group"
  done
}

is_due() {
  read -r uptime rest </proc/uptime
  [ "${uptime%.*}${uptime#*.}" -ge "$until" ]
}

# In steps, since a sleep does not count the time for which the machine is suspended. Goes on after the moment: a daemon that
# stood still while it launched a browser may launch it now. Numbers of groups are used but twice then, since they are
# given out again. A timer whose guard was killed knows nothing of what the next one is told.
time_out() {
  swept=0
  while kill -s 0 "$$"; do
    if is_due; then
      [ "$swept" -lt 2 ] || groups=
      sweep
      swept=$((swept + 1))
    fi
    sleep 1
  done
}

# The timer never ends by itself while its guard lives, so that its number is no other process's.
disarm() {
  [ "$timer" ] || return
  kill -s KILL "$timer"
  wait "$timer"
  timer=
}

# The timer has a copy of what is known, so it is another after each change.
arm() {
  disarm
  [ "$until" ] || return
  time_out </dev/null &
  timer=$!
}

guard() {
  read -r mark || exit 0
  while read -r word value; do
    case $word in
      watch) groups="$groups $value" ;;
      forget) forget "$value" ;;
      until) until=$value ;;
      goodbye)
        disarm
        exit 0
        ;;
    esac
    arm
  done
  disarm
  sweep
  # A browser that was being launched carries its mark by now.
  sleep 1
  sweep
}

# On one line, so that the script is read whole before it waits: an update may replace the file meanwhile.
guard; exit 0
