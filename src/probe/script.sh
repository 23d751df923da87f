# The collector of quorate. A POSIX shell runs it; nothing else is needed on the host.
# It reads and changes nothing: no file is written, no setting is set, no service is started.
# Names that begin with q_, and st, belong to the helpers; the sections use others, since POSIX sh has no local ones.
# Three variables stand before it: N, a random word that marks the frames of this answer, NAMES, the names of the
# cluster's nodes, and S, the commands and files that are asked through sudo, empty for none. Output:
#   #N hello 1            once, at the start; a line on standard input answers it and measures the round trip
#   #N b SECTION [ITEM]   a section begins (the same mark goes to standard error, so that messages find their section)
#   #N e STATUS           it ends: exit status of its command (127 not installed, 126 not executable, 124 timed out),
#                         or `absent`, `denied` for a file, or `skipped`
#   #N bye                once, at the end
# Passwords and keys are cut here, before anything leaves the host.

LC_ALL=C
LANG=C
PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:$PATH
export LC_ALL LANG PATH
unset CDPATH GREP_OPTIONS GREP_COLOR GREP_COLORS LS_COLORS POSIXLY_CORRECT
nl='
'

b() {
    printf '\n#%s b %s %s\n' "$N" "$1" "${2-}"
    printf '\n#%s %s %s\n' "$N" "$1" "${2-}" >&2
}

# 77 is what `rooted` ends with where sudo refuses.
e() {
    case $1 in
    77) printf '\n#%s e denied\n' "$N" ;;
    *) printf '\n#%s e %s\n' "$N" "$1" ;;
    esac
}

skip() {
    b "$1"
    printf '%s\n' "$2"
    e skipped
}

there() {
    if ! command -v "$1" >/dev/null 2>&1; then
        printf '%s: not found\n' "$1" >&2
        return 127
    fi
}

# as_root NAME: whether that command or file is asked through sudo
as_root() {
    case " $S " in
    *" $1 "*) return 0 ;;
    esac
    return 1
}

# rooted COMMAND...: through sudo, with the time limit. Sudo is asked beforehand whether it lets us, so that its refusal is
# never taken for the command's own word.
rooted() {
    q_c=$1
    shift
    for q_d in /usr/bin /usr/sbin; do [ ! -x "$q_d/$q_c" ] || break; done
    if sudo -n -l -- $T "$q_d/$q_c" "$@" >/dev/null 2>&1; then
        sudo -n -- $T "$q_d/$q_c" "$@"
    else
        printf 'sudo does not let this account run it\n' >&2
        return 77
    fi
}

# limited COMMAND...: with the time limit, through sudo where that is asked for
limited() {
    if as_root "$1"; then rooted "$@"; else $T "$@"; fi
}

# run SECTION COMMAND...: with a time limit where the host has `timeout`, for what waits for a daemon, a device, a lock or
# the network
run() {
    q_n=$1
    shift
    b "$q_n"
    there "$1" && limited "$@"
    st=$?
    e $st
    return $st
}

# plain SECTION COMMAND...: without one, for what asks nobody but the kernel and plain files; `timeout` costs more than most
# of these commands
plain() {
    q_n=$1
    shift
    b "$q_n"
    there "$1" && "$@"
    st=$?
    e $st
    return $st
}

# item SECTION ITEM COMMAND...
item() {
    q_n=$1 q_i=$2
    shift 2
    b "$q_n" "$q_i"
    there "$1" && limited "$@"
    st=$?
    e $st
    return $st
}

# bounded SECTION COMMAND...: no more than 1 MiB of its output
bounded() {
    q_n=$1
    shift
    b "$q_n"
    if there "$1"; then
        st=$({ { limited "$@" 3>&- 4>&-; echo $? >&3; } | head -c 1048576 >&4; } 3>&1)
    else
        st=127
    fi
    e "${st:-1}"
    return "${st:-1}"
}

# readable FILE: 0, or says why not
readable() {
    [ -r "$1" ] && [ ! -d "$1" ] && return 0
    if [ -e "$1" ]; then
        st=denied
        return 1
    fi
    q_up=${1%/*}
    while [ -n "$q_up" ] && [ ! -d "$q_up" ]; do q_up=${q_up%/*}; done
    if [ -x "${q_up:-/}" ]; then st=absent; else st=denied; fi
    return 1
}

# file SECTION FILE [ITEM]: its first 256 KiB
file() {
    b "$1" "${3-}"
    if readable "$2"; then
        head -c 262144 "$2"
        st=$?
    elif [ "$st" = denied ] && as_root "$2"; then
        rooted cat "$2"
        st=$?
    fi
    e $st
}

# line SECTION FILE: its first line, without a process
line() {
    b "$1"
    if readable "$2"; then
        q_l=
        IFS= read -r q_l <"$2"
        [ -n "$q_l" ]
        st=$?
        printf '%s\n' "$q_l"
    elif [ "$st" = denied ] && as_root "$2"; then
        rooted cat "$2"
        st=$?
    fi
    e $st
}

# filtered SECTION FILE SED-ARGUMENTS...: through sed, for what may hold secrets
filtered() {
    q_n=$1 q_f=$2
    shift 2
    b "$q_n"
    if readable "$q_f"; then
        sed "$@" "$q_f"
        st=$?
    elif [ "$st" = denied ] && as_root "$q_f"; then
        rooted sed "$@" "$q_f"
        st=$?
    fi
    e $st
}

# sifted SECTION SED-SCRIPT COMMAND...: its output through sed, with the status of the command
sifted() {
    q_n=$1 q_s=$2
    shift 2
    b "$q_n"
    if there "$1"; then
        st=$({ { limited "$@" 3>&- 4>&-; echo $? >&3; } | sed "$q_s" >&4; } 3>&1)
    else
        st=127
    fi
    e "${st:-1}"
    return "${st:-1}"
}

# values SECTION FILES...: small files as PATH:LINE, those that are there
values() {
    q_n=$1
    shift
    b "$q_n"
    grep -s '' /dev/null "$@"
    e $?
}

nth_exists() { [ -e "$1" ]; }

# daemon NAME: whether a process has that name, cut at 15 characters as the kernel does
daemon() {
    case "$nl$procs$nl" in
    *"$nl$1$nl"*) return 0 ;;
    esac
    return 1
}

safe() {
    case $1 in
    '' | *[!A-Za-z0-9._:@+-]*) return 1 ;;
    esac
}

system() {
    plain clock date '+%s.%N %z'
    plain id id -u
    plain uname uname -srm
    line hostname /proc/sys/kernel/hostname
    line machine-id /etc/machine-id
    if [ -e /etc/os-release ]; then file os-release /etc/os-release; else file os-release /usr/lib/os-release; fi
    b commands
    for _c in iscsiadm multipath multipathd drbdadm vgs corosync pacemakerd lldpcli networkctl teamdctl; do
        command -v $_c >/dev/null 2>&1 && printf '%s\n' $_c
    done
    e 0
    b daemons
    procs=$(cat /proc/[0-9]*/comm 2>/dev/null)
    if [ -r /proc/1/comm ]; then
        for _c in chronyd ntpd systemd-timesyn ptp4l firewalld multipathd iscsid lldpd systemd-network NetworkManager \
            corosync pacemakerd pacemaker-remot pcsd sbd corosync-qdevic corosync-qnetd dlm_controld lvmlockd sshd \
            libvirtd wickedd watchdog-mux pve-ha-crm pve-ha-lrm pmxcfs; do
            daemon "$_c" && printf '%s\n' "$_c"
        done
        e 0
    else
        e denied
        # Processes of others are hidden: whatever has a client installed is asked.
        procs=
        command -v chronyc >/dev/null 2>&1 && procs="$procs${nl}chronyd"
        command -v ntpq >/dev/null 2>&1 && procs="$procs${nl}ntpd"
        command -v lldpcli >/dev/null 2>&1 && procs="$procs${nl}lldpd"
        [ -e /run/systemd/timesync ] && procs="$procs${nl}systemd-timesyn"
        [ -e /run/corosync.pid ] && procs="$procs${nl}corosync"
        command -v pacemakerd >/dev/null 2>&1 && procs="$procs${nl}pacemakerd"
    fi
    plain lscpu lscpu
    plain cpuinfo sed '/^$/q' /proc/cpuinfo
    file meminfo /proc/meminfo
    if [ -d /sys/class/dmi/id ]; then
        b dmi
        cd /sys/class/dmi/id && grep '' /dev/null sys_vendor product_name product_serial product_uuid chassis_asset_tag bios_vendor bios_version bios_date
        st=$?
        cd /
        if [ ! -r /sys/class/dmi/id/product_serial ] && as_root /sys/class/dmi/id/product_serial; then
            for _i in product_serial product_uuid; do
                _l=$(rooted cat /sys/class/dmi/id/$_i) && printf '%s:%s\n' $_i "$_l"
            done
        fi
        e $st
    elif [ -e /proc/device-tree/model ]; then
        line device-tree /proc/device-tree/model
    else
        run dmidecode dmidecode -t bios -t system -t chassis
    fi
    plain virtualization systemd-detect-virt -v
    b boot
    if [ -d /sys/firmware/efi ]; then
        printf 'uefi\n'
        _f=/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
        [ -r $_f ] && od -A n -v -t x1 $_f
        e $?
    else
        printf 'bios\n'
        e 0
    fi
    b reboot
    for _f in /run/reboot-required /var/run/reboot-required /run/reboot-needed; do
        [ -e $_f ] && printf 'flag %s\n' $_f
    done
    for _f in /usr/share/update-notifier/notify-reboot-required /usr/share/unattended-upgrades; do
        [ -e $_f ] && printf 'mechanism %s\n' $_f
    done
    for _f in /lib/modules/* /boot/vmlinuz-* /boot/vmlinux-*; do
        [ -e "$_f" ] && printf 'kernel %s\n' "${_f##*/}"
    done
    if command -v rpm >/dev/null 2>&1 && [ -d /var/lib/rpm ]; then
        sed -n 's/^btime/boot/p' /proc/stat
        $T rpm -q --qf 'installed %{INSTALLTIME} %{NAME}\n' kernel-core kernel-default glibc systemd dbus-broker dbus-daemon \
            linux-firmware openssl-libs gnutls 2>/dev/null
    fi
    e 0
    values security /sys/fs/selinux/enforce /sys/module/apparmor/parameters/enabled
    file selinux-config /etc/selinux/config
    values health /proc/uptime /proc/loadavg
    run df df -P -T -l
    _n=/proc/sys/net/ipv4
    values sysctl /proc/sys/kernel/panic /proc/sys/kernel/panic_on_oops /proc/sys/kernel/softlockup_panic \
        /proc/sys/kernel/hung_task_panic /proc/sys/kernel/sysrq $_n/tcp_retries2 $_n/ip_nonlocal_bind \
        /proc/sys/vm/dirty_ratio /proc/sys/vm/dirty_background_ratio /proc/sys/vm/dirty_bytes \
        /proc/sys/vm/dirty_background_bytes $_n/conf/*/rp_filter $_n/conf/*/arp_ignore $_n/conf/*/arp_announce
}

packages() {
    set -f
    _p='linux-image-* kernel kernel-* corosync* libcorosync* pacemaker* libpacemaker* pcs crmsh sbd
        resource-agents* fence-agents* cluster-glue* libglue* libqb* libknet* knet* kronosnet* booth* open-iscsi*
        iscsi-initiator-utils* multipath-tools* device-mapper-multipath* lvm2* dlm* libdlm* drbd* gfs2* ocfs2* targetcli*
        sg3_utils sg3-utils chrony systemd python3 python3-base pve-manager pve-ha-manager'
    # Either may be installed on a system of the other kind; the one with packages tells.
    if [ -s /var/lib/dpkg/status ]; then
        plain packages-dpkg dpkg-query -W -f '${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\n' $_p
    else
        run packages-rpm rpm -qa --qf '%{NAME}\t%|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE}\t%{ARCH}\n' $_p
    fi
    set +f
}

network() {
    if ! plain ip-addr ip -j -d addr; then
        plain ip-addr-text ip -d addr || plain ip-addr-text ip addr
    fi
    plain ip-route ip -j route || plain ip-route-text ip route
    plain ip-route6 ip -j -6 route || plain ip-route6-text ip -6 route
    _n=/sys/class/net
    values net $_n/*/address $_n/*/addr_assign_type $_n/*/mtu $_n/*/operstate $_n/*/carrier $_n/*/speed $_n/*/duplex \
        $_n/*/type $_n/*/flags $_n/*/uevent $_n/*/device/uevent $_n/*/device/vendor $_n/*/device/device \
        $_n/*/device/driver/module/version $_n/*/bonding/mode $_n/*/bridge/bridge_id $_n/*/tun_flags
    set -- /proc/net/bonding/*
    if nth_exists "$1"; then
        for _f; do safe "${_f##*/}" && file bonding "$_f" "${_f##*/}"; done
    fi
    set -- /run/teamd/*.pid /var/run/teamd/*.pid
    for _f; do
        _i=${_f##*/}
        _i=${_i%.pid}
        [ -e "$_f" ] && safe "$_i" && item team "$_i" teamdctl "$_i" state dump
    done
    for _f in $_n/*/device; do
        [ -e "$_f" ] || continue
        _i=${_f%/device}
        _i=${_i##*/}
        safe "$_i" || continue
        item ethtool "$_i" ethtool -i "$_i" || [ $? != 127 ] || break
        _l=
        IFS= read -r _l 2>/dev/null <$_n/"$_i"/addr_assign_type
        [ "$_l" != 3 ] || item permanent-address "$_i" ethtool -P "$_i"
    done
    if daemon lldpd; then
        run lldp lldpcli -f json0 show neighbors || run lldp-keyvalue lldpctl -f keyvalue
    elif daemon systemd-network; then
        run lldp-networkd networkctl --no-pager --full lldp
    else
        skip lldp 'no daemon listens for LLDP (lldpd, systemd-networkd)'
    fi
    file hosts /etc/hosts
    file resolv /etc/resolv.conf
    [ ! -e /run/systemd/resolve/resolv.conf ] || file resolv-upstream /run/systemd/resolve/resolv.conf
    if [ -n "$NAMES" ]; then
        run names getent ahosts $NAMES
        if [ $? = 2 ]; then
            for _i in $NAMES; do
                item name "$_i" getent ahosts "$_i"
                [ $? != 124 ] || break
            done
        fi
    fi
    [ ! -e /etc/ufw/ufw.conf ] || file ufw /etc/ufw/ufw.conf
    if daemon firewalld; then zones; fi
    if command -v nft >/dev/null 2>&1; then
        bounded nft nft list ruleset
    elif command -v iptables-save >/dev/null 2>&1; then
        bounded iptables iptables-save
    else
        plain iptables iptables-save
        b netfilter
        for _f in /sys/module/nf_tables /sys/module/ip_tables /sys/module/ip6_tables /proc/net/ip_tables_names; do
            [ -e $_f ] && printf '%s\n' $_f
        done
        e 0
    fi
}

# What firewalld lets in, and the definitions of the services that its zones name.
zones() {
    b firewalld
    if there firewall-cmd; then
        _l=$(limited firewall-cmd --list-all-zones)
        st=$?
        grep -q '<[rcp][a-z]* ' /etc/firewalld/direct.xml 2>/dev/null && printf 'beside: direct rules\n'
        set -- /etc/firewalld/policies/*.xml
        nth_exists "$1" && printf 'beside: policies\n'
        printf '%s\n' "$_l"
    else
        st=127 _l=
    fi
    e $st
    _d=
    for _i in $(printf '%s\n' "$_l" | sed -n 's/^  services: *//p'); do
        safe "$_i" || continue
        case " $_d " in
        *" $_i "*) continue ;;
        esac
        _d="$_d $_i"
        for _f in /etc/firewalld/services /usr/lib/firewalld/services /lib/firewalld/services; do
            [ -e "$_f/$_i.xml" ] || continue
            file firewalld-service "$_f/$_i.xml" "$_i"
            break
        done
    done
}

storage() {
    run lsblk lsblk -J -b -O || run lsblk-pairs lsblk -P -b -O
    _n=
    for _f in sd vd xvd nvme dm- md mmcblk dasd hd rbd drbd sr zram; do _n="$_n /sys/block/$_f*"; done
    set --
    for _f in $_n; do
        [ -e "$_f" ] && set -- "$@" "$_f/size" "$_f/ro" "$_f/removable" "$_f/queue/logical_block_size" \
            "$_f/queue/physical_block_size" "$_f/device/vendor" "$_f/device/model" "$_f/device/wwid" "$_f/wwid" \
            "$_f/device/timeout" "$_f/device/state" "$_f/serial" "$_f/device/serial" "$_f/dm/name" "$_f/dm/uuid"
    done
    values block "$@"
    set --
    for _f in /sys/block/sd*/device/vpd_pg80 /sys/block/sd*/device/vpd_pg83; do [ -r "$_f" ] && set -- "$@" "$_f"; done
    if [ $# != 0 ]; then
        b vpd
        head -c 1024 /dev/null "$@" | od -A n -v -t x1
        e $?
    fi
    set --
    for _f in $_n /sys/block/*/slaves/* /sys/class/net/* /sys/class/net/*/master /sys/class/net/*/device/driver \
        /sys/class/scsi_host/* /sys/class/iscsi_session/*/device/target*/*/block/* /etc/localtime; do
        [ -e "$_f" ] && set -- "$@" "$_f"
    done
    plain links ls -ldn "$@"
    if ! daemon multipathd || ! run multipath-json multipathd show maps json; then
        run multipath multipath -ll
    fi
    if daemon multipathd; then
        sifted multipath-config "/^defaults/,/^}/b$nl/^overrides/,/^}/b${nl}d" multipathd show config
    fi
    file multipath-conf /etc/multipath.conf
    for _f in /etc/multipath/conf.d/*.conf; do
        [ -e "$_f" ] && safe "${_f##*/}" && file multipath-conf.d "$_f" "${_f##*/}"
    done
    filtered fstab /etc/fstab 's/\([Pp][Aa][Ss][Ss][A-Za-z_]*=\)[^,[:space:]]*/\1(cut)/g'
    _n=/sys/class
    values hba $_n/fc_host/*/port_name $_n/fc_host/*/port_state $_n/fc_host/*/speed $_n/fc_host/*/symbolic_name \
        $_n/fc_host/*/port_type $_n/scsi_host/*/proc_name $_n/scsi_host/*/model_name $_n/scsi_host/*/modelname \
        $_n/scsi_host/*/board_name $_n/scsi_host/*/fw_version $_n/scsi_host/*/fwrev $_n/scsi_host/*/version_fw \
        $_n/scsi_host/*/firmware_revision $_n/scsi_host/*/firmware_version $_n/scsi_host/*/driver_version $_n/scsi_host/*/lpfc_drvr_version \
        $_n/scsi_host/*/host_sas_address $_n/sas_host/*/uevent $_n/iscsi_host/*/initiatorname \
        $_n/iscsi_host/*/port_state $_n/iscsi_host/*/hwaddress
    values modules /sys/module/*/version
    reservations
    volumes
}

# Keys of persistent reservations: once for each map, and for disks behind a storage network or SAS that are in none.
reservations() {
    set --
    for _f in /sys/block/dm-*/dm/uuid; do
        _l=
        [ -e "$_f" ] && IFS= read -r _l <"$_f"
        case $_l in
        mpath-*) _f=${_f%/dm/uuid} && set -- "$@" "${_f##*/}" ;;
        esac
    done
    for _f in /sys/block/sd*; do
        [ -e "$_f" ] || continue
        _d=
        for _i in "$_f"/holders/dm-*/dm/uuid; do
            _l=
            [ -e "$_i" ] && IFS= read -r _l <"$_i"
            case $_l in
            mpath-*) _d=$_l ;;
            esac
        done
        [ -z "$_d" ] || continue
        case $(cd -P "$_f" && pwd -P) in
        */session[0-9]* | */rport-* | */end_device-*) set -- "$@" "${_f##*/}" ;;
        esac
    done
    if [ $# = 0 ]; then
        skip pr-keys 'no map, and no disk behind iSCSI, Fibre Channel or SAS'
        return
    fi
    if ! command -v sg_persist >/dev/null 2>&1; then
        plain pr-keys sg_persist
        return
    fi
    _d=0 _n=0
    for _i; do
        safe "$_i" || continue
        _f=/dev/$_i
        _n=$((_n + 1))
        if [ ! -r "$_f" ] && ! as_root sg_persist; then
            b pr-keys "$_i"
            e denied
        elif [ $_n -gt 64 ] || [ $_d -gt 1 ]; then
            b pr-keys "$_i"
            printf 'too many devices, or too many that gave no answer\n'
            e skipped
        elif item pr-keys "$_i" sg_persist -n -y -i -k -d "$_f"; then
            item pr-reservation "$_i" sg_persist -n -y -i -r -d "$_f"
            item pr-capabilities "$_i" sg_persist -n -y -i -c -d "$_f"
        elif [ $st = 124 ] || [ $st = 137 ]; then
            _d=$((_d + 1))
        fi
    done
}

# DRBD, the lock manager and logical volumes, where they are there.
volumes() {
    set -- /etc/drbd.conf /etc/drbd.d/*.conf /etc/drbd.d/*.res
    if [ -e "$1" ] || command -v drbdadm >/dev/null 2>&1; then
        _c='s/\(shared-secret[[:space:]]*\)"[^"]*"/\1(cut)/g'
        for _f; do
            case $_f in
            *'*'*) continue ;;
            esac
            filtered drbd-conf "$_f" -e '/shared-secret[[:space:]]*$/{' -e n -e d -e '}' -e "$_c" \
                -e 's/\(shared-secret[[:space:]]\{1,\}\)[^";([:space:]][^;]*/\1(cut)/g'
        done
    fi
    if [ -e /sys/module/drbd ]; then
        run drbd-status drbdsetup status --json || file drbd-proc /proc/drbd
    fi
    if daemon dlm_controld; then
        run dlm-ls dlm_tool ls
        line dlm-protocol /sys/kernel/config/dlm/cluster/protocol
    elif [ -r /proc/1/comm ]; then
        skip dlm-ls 'dlm_controld does not run'
    fi
    [ ! -e /etc/dlm/dlm.conf ] || file dlm-conf /etc/dlm/dlm.conf
    if command -v vgs >/dev/null 2>&1; then
        filtered lvm-conf /etc/lvm/lvm.conf -e '/^[[:space:]]*#/d' -e '/^[[:space:]]*$/d'
        [ ! -e /etc/lvm/lvmlocal.conf ] ||
            filtered lvm-local-conf /etc/lvm/lvmlocal.conf -e '/^[[:space:]]*#/d' -e '/^[[:space:]]*$/d'
        _c='vgs --readonly --foreign --shared --reportformat json -o vg_name,vg_systemid,vg_lock_type'
        run lvm-groups $_c,vg_autoactivation,pv_name || run lvm-groups $_c,pv_name
    fi
}

iscsi() {
    _c='/[Pp][Aa][Ss][Ss][Ww]/d'
    filtered initiatorname /etc/iscsi/initiatorname.iscsi -e '/^[[:space:]]*#/d'
    filtered iscsid-conf /etc/iscsi/iscsid.conf -e '/^[[:space:]]*#/d' -e '/^[[:space:]]*$/d' -e "$_c" -e '/[Uu][Ss][Ee][Rr][Nn]/d'
    set -- /sys/class/iscsi_session/session*
    if nth_exists "$1"; then
        _n=/sys/class
        values iscsi-sysfs $_n/iscsi_session/*/targetname $_n/iscsi_session/*/state $_n/iscsi_session/*/recovery_tmo \
            $_n/iscsi_session/*/ifacename $_n/iscsi_session/*/initiatorname $_n/iscsi_session/*/tpgt \
            $_n/iscsi_connection/*/persistent_address $_n/iscsi_connection/*/persistent_port \
            $_n/iscsi_connection/*/local_ipaddr $_n/iscsi_connection/*/header_digest $_n/iscsi_connection/*/data_digest
        sifted iscsi-sessions "$_c$nl/[Uu]sername/d" iscsiadm -m session -P 3
    else
        skip iscsi-sysfs 'no session'
    fi
    records
}

# The logins recorded for the next start: what `iscsiadm -m node -o show` shows, out of its own files.
records() {
    b iscsi-records
    set --
    _d=absent
    for _f in /etc/iscsi/nodes /var/lib/iscsi/nodes; do
        if [ ! -d "$_f" ]; then
            # A folder above it that may not be entered can hide it.
            readable "$_f/x" || [ "$st" = absent ] || _d=denied
        elif [ ! -r "$_f" ] || [ ! -x "$_f" ]; then
            _d=denied
        else
            [ "$_d" = denied ] || _d=0
            for _i in "$_f"/*/* "$_f"/*/*/*; do [ -f "$_i" ] && set -- "$@" "$_i"; done
        fi
    done
    st=$_d
    if [ "$_d" = 0 ] && [ $# != 0 ]; then
        sed -e "$_c" -e '/[Uu][Ss][Ee][Rr][Nn]/d' "$@"
        st=$?
    elif [ "$_d" = denied ] && as_root iscsiadm; then
        st=$({ { limited iscsiadm -m node -o show 3>&- 4>&-; echo $? >&3; } | sed -e "$_c" -e '/[Uu][Ss][Ee][Rr][Nn]/d' >&4; } 3>&1)
        # It ends with 21 where there is no record.
        [ "$st" != 21 ] || st=0
    fi
    e "${st:-1}"
}

services() {
    _u='corosync pacemaker pacemaker_remote pcsd sbd corosync-qdevice corosync-qnetd dlm lvmlockd drbd booth-site
        multipathd iscsid iscsi open-iscsi chronyd chrony ntpd ntp ntpsec systemd-timesyncd ptp4l firewalld ufw nftables
        iptables sshd ssh NetworkManager systemd-networkd networking wicked lldpd libvirtd watchdog-mux pve-cluster
        pve-ha-crm pve-ha-lrm'
    if [ -d /run/systemd/system ]; then
        set --
        for _i in $_u; do set -- "$@" "$_i.service"; done
        run services systemctl --no-pager show -p Id -p Names -p LoadState -p ActiveState -p UnitFileState -p WantedBy \
            "$@" iscsid.socket
        return
    fi
    b services-files
    for _i in $_u; do
        _l=
        for _f in /etc/systemd/system /run/systemd/system /usr/lib/systemd/system /lib/systemd/system; do
            [ -e $_f/$_i.service ] && _l='unit'
        done
        [ -e /etc/init.d/$_i ] && _l="$_l init"
        if [ -n "$_l" ]; then
            for _f in /etc/systemd/system/*.wants/$_i.service /etc/systemd/system/*.requires/$_i.service \
                /etc/rc[2-5].d/S[0-9][0-9]$_i /etc/runlevels/default/$_i /etc/runlevels/boot/$_i; do
                if [ -e "$_f" ] || [ -L "$_f" ]; then
                    _l="$_l enabled"
                    break
                fi
            done
        fi
        printf '%s %s\n' $_i "$_l"
    done
    e 0
}

clock() {
    if daemon chronyd; then
        run chrony-tracking chronyc -n tracking
        run chrony-sources chronyc -n sources
    fi
    if daemon systemd-timesyn; then
        run timesync timedatectl --no-pager show-timesync --all
        b timesync-flag
        [ -e /run/systemd/timesync/synchronized ] && printf 'synchronized\n'
        e 0
    fi
    if daemon ntpd; then run ntp-peers ntpq -p -n; fi
    if ! { daemon chronyd || daemon systemd-timesyn || daemon ntpd; }; then
        skip chrony-tracking 'no time service runs that could be asked'
    fi
}

# The words of a secret in the name of a value; keys of reservations, paths of files and what Pacemaker itself reads are
# none. One element a line.
q_cut='
/^<!--/d
/name="pcmk_/b
/name="key_value"/{
/ value="id"/b
/ value="hash"/b
}
/name="key\(_value\)\{0,1\}"/{
/ value="\(0x\)\{0,1\}[0-9A-Fa-f]\{1,16\}"/b
}
/name="[^"]*[Ff][Ii][Ll][Ee]"/{
/ value="\//b
}
/name="[^"]*[Pp][Aa][Ss][Ss][Ww]/bcut
/name="[^"]*[Ss][Ee][Cc][Rr][Ee][Tt]/bcut
/name="[^"]*[Tt][Oo][Kk][Ee][Nn]/bcut
/name="[^"]*[Kk][Ee][Yy]/bcut
/name="[^"]*[Cc][Oo][Mm][Mm][Uu][Nn][Ii][Tt][Yy]/bcut
/name="[^"]*[Ll][Oo][Gg][Ii][Nn]/bcut
/name="[^"]*[Cc][Rr][Ee][Dd][Ee][Nn][Tt][Ii][Aa][Ll]/bcut
b
:cut
s/ value="[^"]*"/ value="(cut)"/g
'

# XML with secrets cut, without the history of operations, which is long
tidy() {
    tr '\n' ' ' | sed 's/> *</>\
</g' | sed -e "$q_cut" | sed -e '/^<lrm [^>]*\/>/d' -e '/^<lrm /,/^<\/lrm>/d'
}

# xml SECTION COMMAND...
xml() {
    q_n=$1
    shift
    b "$q_n"
    if there "$1"; then
        st=$({ { limited "$@" 3>&- 4>&-; echo $? >&3; } | tidy >&4; } 3>&1)
    else
        st=127
    fi
    e "${st:-1}"
    return "${st:-1}"
}

# key SECTION FILE: all of a key but the key
key() {
    b "$1"
    if readable "$2"; then
        stat -c '%s %a %U:%G' "$2" && sha256sum <"$2"
        st=$?
    elif [ "$st" = denied ] && as_root "$2"; then
        rooted stat -c '%s %a %U:%G' "$2" && rooted sha256sum "$2"
        st=$?
    fi
    e $st
}

# texts SECTION FILES...: lines of those that are there, without comments
texts() {
    b "$1"
    shift
    q_all=0
    for q_f; do
        shift
        [ -f "$q_f" ] && set -- "$@" "$q_f"
    done
    if [ $# != 0 ]; then
        sed -e '/^[[:space:]]*[#;]/d' -e '/^[[:space:]]*$/d' "$@"
        q_all=$?
    fi
    e $q_all
}

cluster() {
    filtered corosync /etc/corosync/corosync.conf -e 's/^\([[:space:]]*key[[:space:]]*:\).*/\1 (cut)/'
    key corosync-authkey /etc/corosync/authkey
    key pacemaker-authkey /etc/pacemaker/authkey
    _f=/etc/sysconfig/corosync
    [ -e $_f ] || _f=/etc/default/corosync
    filtered corosync-settings $_f -e '/^[[:space:]]*[#;]/d' -e '/^[[:space:]]*$/d'
    _f=/etc/sysconfig/pacemaker
    [ -e $_f ] || _f=/etc/default/pacemaker
    filtered pacemaker-settings $_f -e '/^[[:space:]]*[#;]/d' -e '/^[[:space:]]*$/d'
    _f=/etc/sysconfig/sbd
    [ -e $_f ] || _f=/etc/default/sbd
    file sbd-config $_f
    set -- /sys/class/watchdog/watchdog*
    _n=
    nth_exists "$1" && _n=1
    # Where no part of a cluster stack is installed, nothing more is asked.
    if ! [ -e /etc/corosync ] && ! [ -e /var/lib/pacemaker ] && ! [ -e $_f ]; then
        if [ -n "$_n" ]; then
            skip watchdogs 'no cluster stack is installed'
        else
            b watchdogs
            e absent
        fi
        for _i in corosync-cmap corosync-cfgtool corosync-quorumtool cib crm-mon crm-verify agents booth-keys cib-stat \
            cluster-log modules-boot; do
            skip $_i 'no cluster stack is installed'
        done
        return
    fi
    if daemon corosync; then
        b corosync-cmap
        if there corosync-cmapctl; then
            st=$({ { limited corosync-cmapctl 3>&- 4>&-; echo $? >&3; } | sed -e '/^totem\.key /d' -e '/^runtime\.connections\./d' -e '/^stats\./d' >&4; } 3>&1)
        else
            st=127
        fi
        e "${st:-1}"
        run corosync-cfgtool corosync-cfgtool -s
        run corosync-cfgtool-nodes corosync-cfgtool -n
        run corosync-quorumtool corosync-quorumtool -s
    else
        for _i in corosync-cmap corosync-cfgtool corosync-quorumtool; do skip $_i 'Corosync does not run'; done
    fi
    if daemon corosync-qdevic; then
        run corosync-qdevice-tool corosync-qdevice-tool -s
    else
        skip corosync-qdevice-tool 'the quorum device does not run'
    fi
    b booth-keys
    if [ ! -e /etc/booth ] || [ -x /etc/booth ]; then
        for _i in /etc/booth/*.key /etc/booth/authkey; do [ -e "$_i" ] && printf '%s\n' "$_i"; done
        e 0
    else
        e denied
    fi
    pacemaker
    sbd_devices "$_f"
    if [ -n "$_n" ]; then
        _n=/sys/class/watchdog
        values watchdogs $_n/*/identity $_n/*/timeout $_n/*/state
        plain watchdog-links ls -ldn $_n/*/device/driver/module
        b watchdog-users
        if [ -r /proc/1/fd ]; then
            ls -ln /proc/[0-9]*/fd 2>/dev/null | sed -n -e '/^\/.*\/fd:$/h' \
                -e '/ -> \/dev\/watchdog/{' -e 'G' -e 's/.* -> \([^ ]*\)\n.*\/\([0-9]*\)\/fd:$/\1 \2/p' -e '}' |
                while read -r _d _i; do
                    _l=
                    IFS= read -r _l 2>/dev/null <"/proc/$_i/comm"
                    printf '%s %s\n' "$_d" "$_l"
                done
            e 0
        else
            e denied
        fi
    else
        b watchdogs
        e absent
    fi
    texts modules-boot /etc/modules /etc/modules-load.d/*.conf /run/modules-load.d/*.conf /usr/lib/modules-load.d/*.conf
    texts modules-blacklist /etc/modprobe.d/*.conf /run/modprobe.d/*.conf /usr/lib/modprobe.d/*.conf /lib/modprobe.d/*.conf
    file modules-loaded /proc/modules
    if command -v journalctl >/dev/null 2>&1; then
        b cluster-log
        st=$({ { limited journalctl --no-pager -u corosync -u sbd --since -24h -o cat 3>&- 4>&-; echo $? >&3; } |
            sed -n -e '/Retransmit List/s/.*/retransmit/p' -e '/Token has not been received/s/.*/token/p' \
                -e '/Latency/s/.*/latency/p' | sort | uniq -c | sed 's/^ *//' >&4; } 3>&1)
        e "${st:-1}"
    else
        skip cluster-log 'there is no journal'
    fi
}

pacemaker() {
    _d=/var/lib/pacemaker/cib
    if daemon pacemakerd; then
        xml cib cibadmin -Q -l || cib_file
        xml crm-mon crm_mon -1 --output-as=xml || xml crm-mon-old crm_mon -1 -X
        b crm-verify
        if there crm_verify; then
            _l=$(limited crm_verify -L -V 2>&1)
            st=$?
            printf '%s\n' "$_l"
            case $_l in
            # What sudo ends with is not what it was asked to run ends with.
            *'sudo: a password is required'*) st=77 ;;
            esac
            [ $st = 77 ] || printf 'exit %s\n' $st
        else
            st=127
        fi
        e $st
    else
        for _i in cib crm-mon crm-verify; do skip $_i 'Pacemaker does not run'; done
        cib_file
    fi
    if [ ! -e $_d/cib.xml ] && as_root $_d/cib.xml; then
        plain cib-stat rooted stat -c '%s %a %U:%G' $_d/cib.xml
    elif [ -e $_d/cib.xml ]; then
        plain cib-stat stat -c '%s %a %U:%G' $_d/cib.xml
    else
        skip cib-stat 'there is no copy on disk, or it may not be seen'
    fi
    b agents
    for _i in /usr/lib/ocf/resource.d/*/*; do
        [ -f "$_i" ] && [ -x "$_i" ] || continue
        _l=${_i#/usr/lib/ocf/resource.d/}
        printf 'ocf:%s:%s\n' "${_l%%/*}" "${_l##*/}"
    done
    for _i in /usr/sbin/fence_* /sbin/fence_*; do [ -x "$_i" ] && printf '%s\n' "${_i##*/}"; done
    for _i in /usr/lib/stonith/plugins/external/* /usr/lib64/stonith/plugins/external/*; do
        [ -x "$_i" ] && printf 'external/%s\n' "${_i##*/}"
    done
    e 0
}

# The copy of the CIB on disk.
cib_file() {
    b cib-file
    if readable $_d/cib.xml; then
        tidy <$_d/cib.xml
        st=$?
    elif [ "$st" = denied ] && as_root $_d/cib.xml; then
        st=$({ { rooted cat $_d/cib.xml 3>&- 4>&-; echo $? >&3; } | tidy >&4; } 3>&1)
    fi
    e "${st:-1}"
}

# The devices of SBD: where each path leads, its header, its slots.
sbd_devices() {
    command -v sbd >/dev/null 2>&1 && [ -r "$1" ] || return
    [ ! -d /run/systemd/system ] || run sbd-service systemctl --no-pager show sbd -p TimeoutStartUSec
    _v=$(sed -n 's/^[[:space:]]*SBD_DEVICE=//p' "$1" | tail -n 1 | tr -d '"'\')
    _v=${_v%% #*}
    set -f
    q_ifs=$IFS
    IFS=';'
    set -- $_v
    IFS=$q_ifs
    _n=
    for _i; do
        # Without white space around it.
        for _d in $_i; do
            case $_d in
            /*[!A-Za-z0-9/._:@+=-]*) ;;
            /*) _n="$_n $_d" ;;
            esac
        done
    done
    set -- $_n
    set +f
    [ $# != 0 ] || return
    [ $# -lt 9 ] || set -- "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8"
    b sbd-paths
    for _i; do [ -e "$_i" ] && printf '%s %s\n' "$_i" "$(readlink -f "$_i")"; done
    e 0
    for _i; do
        item sbd-dump "$_i" sbd -d "$_i" dump
        item sbd-list "$_i" sbd -d "$_i" list
    done
}

main() {
    printf '\n#%s hello 1\n' "$N"
    IFS= read -r _l
    exec </dev/null 4>&1
    cd /
    umask 077
    # Root needs no sudo; where there is none, what needs root stays unknown.
    if [ "$(id -u)" = 0 ] || ! command -v sudo >/dev/null 2>&1; then S=; fi
    T=
    if timeout -k 1 1 true 2>/dev/null; then
        T='timeout -k 1 8'
    elif timeout 1 true 2>/dev/null; then
        T='timeout 8'
    fi
    system
    packages
    services
    clock
    iscsi
    storage
    cluster
    network
    printf '\n#%s bye\n' "$N"
}

main
