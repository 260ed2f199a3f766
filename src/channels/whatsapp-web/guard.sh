# Ends the browsers of a daemon that died without saying goodbye: they would go on taking messages, and one that stands
# still does not notice that its daemon is gone (fault F28).
#
# A browser that ends by itself can leave processes that stand still. Some carry the mark in their environment; a page's
# process writes its title over that, and is known by its group alone.
#
# Standard input comes from the daemon and breaks with it. Its first line is the argument that marks the daemon's
# browsers; "watch <group>" names the process group of one that runs, "forget <group>" one of which nothing is left, and
# "goodbye" ends the guard. The mark is not an argument here, since the guard would then find itself.

groups=

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

guard() {
  # What asks the daemon to stop is the daemon's business; it still says goodbye.
  trap '' HUP INT TERM
  read -r mark || exit 0
  while read -r word group; do
    case $word in
      watch) groups="$groups $group" ;;
      forget) forget "$group" ;;
      goodbye) exit 0 ;;
    esac
  done
  sweep
  # A browser that was being launched carries its mark by now.
  sleep 1
  sweep
}

# On one line, so that the script is read whole before it waits: an update may replace the file meanwhile.
guard; exit 0
