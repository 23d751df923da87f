# The second round of quorate: how this host reaches the others. A POSIX shell runs it, with whatever ping and bash or nc the
# host has; nothing else is needed. It sends a few packets and opens connections that it closes at once; it writes nothing.
# Two variables stand before it: N, a random word that marks the frames of this answer, and TASKS, one line for each way:
#   ID DELAY w SOURCE DESTINATION HEADERS MTU [MTU...]   packets: loss, round trip, then without fragments of the first size
#                                                        that comes through; HEADERS is what IP and ICMP add to a packet
#   ID DELAY t HOST PORT                                 a TCP port
# DELAY is in seconds since the line before, so that many hosts together load no network. Output, between `#N hello 1` and
# `#N bye`, in the section `ways`, one line for each attempt, in any order:
#   ID r STATUS WORDS         packets: status and words of ping
#   ID m MTU STATUS WORDS     packets of that size, its headers counted, that may not be fragmented
#   ID t STATUS WORDS         connection: status; words are the times before and after, or what went wrong
# Status 127 is: nothing on this host can.

LC_ALL=C
LANG=C
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:$PATH
export LC_ALL LANG PATH
nl='
'

# tell HEAD TEXT: one line, so that lines of several never mix
tell() {
    q_h=$1
    q_t=$2
    [ ${#q_t} -le 3500 ] || q_t='more words than a line has room for'
    set -- $q_t
    printf '%s\n' "$q_h $*"
}

# way ID SOURCE DESTINATION HEADERS MTU...
way() {
    w_i=$1 w_s=$2 w_d=$3 w_h=$4
    shift 4
    case $w_d in *:*) w_p=$PING6 ;; *) w_p=$PING ;; esac
    if [ -z "$w_p" ]; then
        tell "$w_i r 127" 'ping: not found'
        return
    fi
    w_o=$($w_p $COUNT -I "$w_s" "$w_d" 2>&1)
    w_st=$?
    tell "$w_i r $w_st" "$w_o"
    # Where nothing comes through, size is no question.
    [ $w_st = 0 ] || return
    w_w=2
    while [ $# != 0 ]; do
        if [ "$KIND" != iputils ]; then
            tell "$w_i m $1 127" 'this ping cannot forbid fragments'
            return
        fi
        w_o=$($w_p -M 'do' -c 1 -w $w_w -s $(($1 - w_h)) -I "$w_s" "$w_d" 2>&1)
        w_st=$?
        tell "$w_i m $1 $w_st" "$w_o"
        [ $w_st != 0 ] || return
        w_m=$1
        w_w=1
        shift
        # The kernel, or a router, may have said what fits.
        case $w_o in
        *mtu*) w_o=${w_o#*mtu} ;;
        *) continue ;;
        esac
        w_o=${w_o#*=}
        w_o=${w_o# }
        w_o=${w_o%%[!0-9]*}
        [ -n "$w_o" ] && [ ${#w_o} -le 5 ] && [ "$w_o" -lt "$w_m" ] && [ "$w_o" -ge 576 ] && [ "$w_o" != "${1-}" ] &&
            set -- "$w_o" "$@"
    done
}

# port ID HOST PORT
port() {
    case $BY in
    bash)
        p_o=$(timeout 2 bash -c 's=${EPOCHREALTIME-}; exec 3<>"/dev/tcp/$0/$1" && printf %s "$s ${EPOCHREALTIME-}"' "$2" "$3" 2>&1)
        p_st=$?
        ;;
    nc)
        p_o=$(nc -z -w 2 "$2" "$3" 2>&1)
        p_st=$?
        ;;
    *)
        p_o='neither bash with timeout nor nc'
        p_st=127
        ;;
    esac
    tell "$1 t $p_st" "$p_o"
}

tools() {
    PING= PING6= KIND= BY= COUNT='-c 3 -W 1'
    if command -v ping >/dev/null 2>&1; then
        PING=ping PING6='ping -6'
        command -v ping6 >/dev/null 2>&1 && PING6=ping6
        case $(ping -V 2>&1) in
        *iputils*)
            KIND=iputils
            PING="$PING -n" PING6="$PING6 -n"
            # Shorter pauses are for root.
            if [ "$(id -u)" = 0 ]; then COUNT='-c 10 -i 0.05 -W 1'; else COUNT='-c 10 -i 0.2 -W 1'; fi
            ;;
        esac
    fi
    if command -v bash >/dev/null 2>&1 && command -v timeout >/dev/null 2>&1; then
        BY=bash
    elif command -v nc >/dev/null 2>&1; then
        BY=nc
    fi
}

main() {
    printf '\n#%s hello 1\n' "$N"
    IFS= read -r _l
    exec </dev/null
    cd /
    set -f
    tools
    printf '\n#%s b ways \n' "$N"
    IFS=$nl
    for _t in $TASKS; do
        unset IFS
        set -- $_t
        [ "$2" = 0 ] || sleep "$2" 2>/dev/null || sleep 1
        _i=$1
        _k=$3
        shift 3
        case $_k in
        w) way "$_i" "$@" & ;;
        t) port "$_i" "$@" & ;;
        esac
    done
    wait
    printf '\n#%s e 0\n\n#%s bye\n' "$N" "$N"
}

main
