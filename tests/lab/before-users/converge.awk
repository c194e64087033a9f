# Decides what bootstrap.sh does next, from what all pods answered at one time. Asks nobody and changes
# nothing, so every decision can be tested with text alone.
#
# Input, in this order:
#     option NAME VALUE     shards, replicas (of each shard), busport, created (1: create was tried)
#     pod HOST SHARD        in the order of the topology; SHARD is - where any pod may serve any shard
#     view HOST ADDRESS     what follows is HOST's answer to CLUSTER MYID, CLUSTER INFO, CLUSTER NODES,
#                           INFO replication and INFO keyspace; no ADDRESS: the name does not resolve
#
# Output, the first kind that applies:
#     wait TEXT                           nothing can be done now
#     refuse CODE TEXT                    nothing may be done
#     create ADDRESS...                   make a cluster of these masters
#     meet HOST ADDRESS HOST ADDRESS      the first meets the second
#     tell HOST ADDRESS ADDRESS (several), then wait: HOST tells the pod at the second address what it is now
#     slots HOST ADDRESS FROM TO...       assign slots that nobody has
#     replicate HOST ADDRESS ID MASTER    HOST becomes replica of the pod MASTER, whose id is ID
#     row TEXT (several), then done, or refuse 8: all that can be done without moving slots is done
# Lines "note TEXT" may stand before any of them.

function ip_of(address) {
    sub(/,.*/, "", address)
    sub(/@.*/, "", address)
    sub(/:[0-9]*$/, "", address)
    return address
}

function bus_port_of(address) {
    sub(/,.*/, "", address)
    sub(/.*@/, "", address)
    return address
}

{ sub(/\r$/, "") }

$1 == "option" { option[$2] = $3; next }
$1 == "pod" { pod[++pods] = $2; shard_of[$2] = $3; next }
$1 == "view" { viewer = $2; address_of[viewer] = $3; next }

# The id on a line of its own: CLUSTER MYID.
NF == 1 && length($1) == 40 && $1 !~ /[^0-9a-f]/ {
    id_of[viewer] = $1
    host_of[$1] = viewer
    next
}

# A line of CLUSTER NODES.
length($1) == 40 && $1 !~ /[^0-9a-f]/ && NF >= 8 {
    if ($3 ~ /handshake/) next
    slots = ""
    for (i = 9; i <= NF; i++) if ($i !~ /^\[/) slots = slots " " $i
    sees[viewer, $1] = 1
    seen_ids[viewer] = seen_ids[viewer] " " $1
    seen_count[viewer]++
    seen_address[viewer, $1] = $2
    seen_slots[viewer, $1] = slots
    seen_master[viewer, $1] = $4
    seen_well[viewer, $1] = $8 == "connected" && $3 !~ /fail|noaddr/
    if ($3 ~ /myself/) {
        is_master[viewer] = $3 ~ /master/
        master_of[viewer] = $4
        own_slots[viewer] = slots
        bus_port[viewer] = bus_port_of($2)
    }
    next
}

/^cluster_state:/ { state[viewer] = substr($0, 15); next }
/^cluster_slots_ok:/ { slots_ok[viewer] = substr($0, 18); next }
/^cluster_size:/ { size[viewer] = substr($0, 14); next }
/^master_link_status:/ { link[viewer] = substr($0, 20); next }
/^db[0-9]+:keys=/ {
    split($0, part, /[=,]/)
    keys[viewer] += part[2]
    all_keys += part[2]
    next
}
/^[A-Z]+ |^\(error\)|^Could not|^Error|^AUTH failed/ { if (!(viewer in trouble)) trouble[viewer] = $0 }

# Each check below prints what it found and returns true if that decides this round.

function topology_is_old(    wanted) {
    wanted = option["shards"] * (1 + option["replicas"])
    if (pods >= wanted) return 0
    print "wait the topology lists " pods " of " wanted " pods; the mounted file is not yet the new one"
    return 1
}

function pods_are_silent(    i, host, text, count, reason) {
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        if (address_of[host] == "") reason = "its name does not resolve"
        else if (host in trouble) reason = trouble[host]
        else if (!(host in id_of) || !(host in state) || !(host in own_slots)) reason = "no answer at " address_of[host]
        else if (bus_port[host] != option["busport"])
            reason = "the server at " address_of[host] " has bus port " bus_port[host] ", not " option["busport"]
        else continue
        count++
        if (count <= 3) text = text (count > 1 ? "; " : "") host ": " reason
    }
    if (!count) return 0
    print "wait " count " of " pods " pods do not answer as they should: " text
    return 1
}

function names_collide(    i, host, first) {
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        if (id_of[host] in first) {
            print "refuse 5 " first[id_of[host]] " and " host " are the same server (id " id_of[host] ", at " \
                address_of[first[id_of[host]]] " and " address_of[host] ")"
            return 1
        }
        first[id_of[host]] = host
    }
    return 0
}

# Nodes that no pod is. One that is gone, without slots, is the past of a pod that lost its volume.
function strangers_are_known(    i, j, host, count, ids, gone) {
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        count = split(seen_ids[host], ids, " ")
        for (j = 1; j <= count; j++) {
            if (ids[j] in host_of) continue
            if (!seen_well[host, ids[j]] && seen_slots[host, ids[j]] == "") {
                gone[ids[j]] = host " knows " ids[j] " at " seen_address[host, ids[j]]
                continue
            }
            print "refuse 3 " host " knows node " ids[j] " at " seen_address[host, ids[j]] ", which is none of our pods" \
                (seen_well[host, ids[j]] ? "" : ": it is down and still owns slots")
            return 1
        }
    }
    for (i in gone) print "note " gone[i] ", which is down, without slots and none of our pods: CLUSTER FORGET it on every pod"
    return 0
}

# Calls every slot that a list of ranges names; the first to name a slot stays in owner[].
# Returns another owner of one of these slots, if there is one.
function claim(ranges, who, owner,    i, n, list, ends, slot, other) {
    n = split(ranges, list, " ")
    for (i = 1; i <= n; i++) {
        if (split(list[i], ends, "-") < 2) ends[2] = ends[1]
        for (slot = ends[1] + 0; slot <= ends[2] + 0; slot++) {
            if (!(slot in owner)) owner[slot] = who
            else if (owner[slot] != who) { other = owner[slot]; disputed = slot }
        }
    }
    return other
}

# Two pods, each of which says that it serves the same slot. If they know each other the cluster is
# about to settle it. If they do not, meeting would: for the loser's keys that is the end.
function claims_collide(    i, host, other, owner) {
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        other = claim(own_slots[host], host, owner)
        if (other == "") continue
        if (!sees[host, id_of[other]] && !sees[other, id_of[host]] && keys[host] + keys[other] > 0) {
            print "refuse 7 " other " and " host " do not know each other, have keys, and both claim slot " disputed \
                ": they are not joined, since one would lose its keys"
            return 1
        }
        if (sees[host, id_of[other]] && sees[other, id_of[host]]) {
            print "wait " other " and " host " both claim slot " disputed ": the cluster has to settle it"
            return 1
        }
    }
    return 0
}

# Slots that nobody has while there are keys: their keys may be lost, or on a volume that comes back.
function slots_are_lost(    i, j, host, count, ids, owner, slot, missing, first) {
    if (!all_keys) return 0
    # Equal claims in several views are read once.
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        count = split(seen_ids[host], ids, " ")
        for (j = 1; j <= count; j++) {
            if (((ids[j], seen_slots[host, ids[j]]) in claimed)) continue
            claimed[ids[j], seen_slots[host, ids[j]]] = 1
            claim(seen_slots[host, ids[j]], ids[j], owner)
        }
    }
    for (slot = 0; slot < 16384; slot++) if (!(slot in owner)) { if (!missing) first = slot; missing++ }
    if (!missing) return 0
    for (i = 1; i <= pods; i++) if (keys[pod[i]]) break
    print "refuse 4 nobody serves " missing " slots (the first is " first ") while there are keys (" pod[i] " has " \
        keys[pod[i]] "): what was in them would be covered up"
    return 1
}

# The pods whose part it is to be a master: mains of them, main[1] ... In the sharded layout they are in
# the order of the shards, and serves[SHARD] is the host. Else they are in the order of their slots.
function choose_masters(    i, j, host, shard, shards, order, chosen, has_replica, slotted) {
    mains = 0
    for (i = 1; i <= pods; i++) if (!is_master[pod[i]]) has_replica[master_of[pod[i]]] = 1
    if (shard_of[pod[1]] == "-") {
        for (i = 1; i <= pods; i++) if (own_slots[pod[i]] != "") main[++mains] = pod[i]
        # By first slot; there are few.
        for (i = 2; i <= mains; i++)
            for (j = i; j > 1 && first_slot(main[j]) < first_slot(main[j - 1]); j--) {
                host = main[j]
                main[j] = main[j - 1]
                main[j - 1] = host
            }
        for (i = 1; i <= mains; i++) chosen[main[i]] = 1
        # First those that already have a replica, so that a second run decides alike.
        for (j = 1; j >= 0; j--)
            for (i = 1; i <= pods && mains < option["shards"]; i++) {
                host = pod[i]
                if (host in chosen || !is_master[host] || (id_of[host] in has_replica) < j) continue
                chosen[host] = 1
                main[++mains] = host
            }
        return
    }
    for (i = 1; i <= pods; i++) {
        shard = shard_of[pod[i]]
        if (!(shard in order)) { order[shard] = ++shards; number[shards] = shard }
    }
    for (i = 2; i <= shards; i++)
        for (j = i; j > 1 && number[j] + 0 < number[j - 1] + 0; j--) {
            shard = number[j]
            number[j] = number[j - 1]
            number[j - 1] = shard
        }
    for (j = 1; j <= shards; j++) {
        chosen[j] = ""
        slotted = 0
        for (i = 1; i <= pods; i++) {
            host = pod[i]
            if (shard_of[host] != number[j] || !is_master[host]) continue
            if (own_slots[host] != "") {
                if (slotted++) misplaced("shard " number[j] " has slots on " chosen[j] " and on " host)
                else chosen[j] = host
            } else if (!slotted && (chosen[j] == "" || (!(id_of[chosen[j]] in has_replica) && id_of[host] in has_replica)))
                chosen[j] = host
        }
        if (chosen[j] == "") {
            misplaced("shard " number[j] " has no master, its pods are replicas elsewhere")
            continue
        }
        main[++mains] = chosen[j]
        serves[number[j]] = chosen[j]
    }
}

# Remembers what only moved slots can put right.
function misplaced(text) {
    wrong = wrong (wrong == "" ? "" : "; ") text
}

function first_slot(host) {
    return own_slots[host] == "" ? 16384 : own_slots[host] + 0
}

function is_pristine(    i, host) {
    if (all_keys) return 0
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        if (seen_count[host] != 1 || own_slots[host] != "" || !is_master[host]) return 0
    }
    return 1
}

function create(    i, line) {
    if (option["created"] || !is_pristine() || mains < option["shards"]) return 0
    for (i = 1; i <= mains; i++) line = line " " address_of[main[i]]
    print "create" line
    return 1
}

# The pod that knows most of ours meets all that it does not know, or knows elsewhere. In a small cluster the
# others meet each other in the same round: hearing of each other through the first one takes seconds.
function meet_pods(    i, j, host, best, count, most, met, pairs) {
    for (i = 1; i <= pods; i++) {
        count = 0
        for (j = 1; j <= pods; j++) if (sees[pod[i], id_of[pod[j]]]) count++
        if (count > most) { most = count; best = pod[i] }
    }
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        if (host == best) continue
        if (!sees[best, id_of[host]] || (!seen_well[best, id_of[host]] && ip_of(seen_address[best, id_of[host]]) != address_of[host])) {
            print "meet", best, address_of[best], host, address_of[host]
            met++
        } else if (!sees[host, id_of[best]]) {
            print "meet", host, address_of[host], best, address_of[best]
            met++
        }
    }
    for (i = 1; i <= pods && met; i++)
        for (j = i + 1; j <= pods; j++) {
            if (pod[i] == best || pod[j] == best || sees[pod[i], id_of[pod[j]]] || sees[pod[j], id_of[pod[i]]]) continue
            if (pairs++ < 60) print "meet", pod[i], address_of[pod[i]], pod[j], address_of[pod[j]]
        }
    return met
}

function are_strangers(    i, j) {
    for (i = 1; i <= pods; i++)
        for (j = 1; j <= pods; j++)
            if (!sees[pod[i], id_of[pod[j]]]) {
                print "wait " pod[i] " has not heard of " pod[j] " yet"
                return 1
            }
    return 0
}

# One pod has old news of another. Some of them are told at once; gossip takes seconds.
function tell(from, to) {
    if (told++ < 60) print "tell", from, address_of[from], address_of[to]
}

function views_differ(    i, j, host, id, text) {
    for (j = 1; j <= pods; j++) {
        id = id_of[pod[j]]
        for (i = 1; i <= pods; i++) {
            host = pod[i]
            if (seen_slots[host, id] == own_slots[pod[j]] && seen_master[host, id] == master_of[pod[j]]) continue
            tell(pod[j], host)
            if (text == "" && seen_slots[host, id] != own_slots[pod[j]])
                text = host " believes that " pod[j] " serves slots '" substr(seen_slots[host, id], 2) "', " pod[j] \
                    " itself says '" substr(own_slots[pod[j]], 2) "'"
        }
    }
    if (text == "") return 0
    print "wait " text
    return 1
}

# True if every slot has a pod that says it serves it.
function all_claimed(    i, slot, owner) {
    for (i = 1; i <= pods; i++) claim(own_slots[pod[i]], pod[i], owner)
    for (slot = 0; slot < 16384; slot++) if (!(slot in owner)) return 0
    return 1
}

# Gives each free slot to the master in whose equal part it lies. The parts are those of create.
function assign_slots(    i, host, owner, parts, slot, last, from, given, line) {
    for (i = 1; i <= pods; i++) claim(own_slots[pod[i]], pod[i], owner)
    parts = option["shards"]
    if (mains < parts) return 0
    slot = 0
    for (i = 1; i <= parts; i++) {
        last = i == parts ? 16383 : int(i * 16384 / parts - 0.5)
        host = part_owner(i, slot, last, owner)
        line = ""
        from = -1
        for (; slot <= last + 1; slot++) {
            if (slot <= last && !(slot in owner)) { if (from < 0) from = slot; continue }
            if (from >= 0) line = line " " from " " (slot - 1)
            from = -1
            if (slot > last) break
        }
        if (line == "") continue
        print "slots " host " " address_of[host] line
        given++
    }
    return given
}

# In the sharded layout part i belongs to the i-th shard. Else to the pod that has some of it
# already, or to the i-th master, which create would have taken.
function part_owner(i, first, last, owner,    slot) {
    if (shard_of[pod[1]] == "-") for (slot = first; slot <= last; slot++) if (slot in owner) return owner[slot]
    return main[i]
}

# With "early", only those that know their master.
function attach_replicas(early,    i, j, host, wanted, count, is_main, done) {
    for (i = 1; i <= mains; i++) is_main[id_of[main[i]]] = main[i]
    for (i = 1; i <= pods; i++) if (!is_master[pod[i]] && master_of[pod[i]] in is_main) count[is_main[master_of[pod[i]]]]++
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        if (id_of[host] in is_main || own_slots[host] != "") continue
        if (shard_of[host] == "-") {
            if (!is_master[host] && master_of[host] in is_main) continue
            wanted = main[1]
            for (j = 2; j <= mains; j++) if (count[main[j]] + 0 < count[wanted] + 0) wanted = main[j]
            count[wanted]++
        } else {
            wanted = serves[shard_of[host]]
            if (wanted == "" || (!is_master[host] && master_of[host] == id_of[wanted])) continue
        }
        if (early && !sees[host, id_of[wanted]]) continue
        if (is_master[host] && keys[host]) {
            print "refuse 4 " host " is a master with keys and without slots: it is not made a replica, its keys would be lost"
            return 1
        }
        print "replicate", host, address_of[host], id_of[wanted], wanted
        done++
    }
    return done
}

function is_unsettled(    i, j, host, id, owners, text) {
    for (i = 1; i <= pods; i++) if (own_slots[pod[i]] != "") owners++
    for (i = 1; i <= pods; i++)
        for (j = 1; j <= pods; j++) {
            host = pod[i]
            if (seen_master[host, id_of[pod[j]]] == master_of[pod[j]]) continue
            if (text == "") text = host " has not heard yet whose replica " pod[j] " is"
        }
    if (text != "") {
        print "wait " text
        return 1
    }
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        for (j = 1; j <= pods; j++) {
            id = id_of[pod[j]]
            if (i != j && !seen_well[host, id]) {
                print "wait " host " has no good connection to " pod[j] " yet"
                return 1
            }
        }
        if (state[host] != "ok" || slots_ok[host] != 16384 || size[host] != owners) {
            print "wait " host " says: state " state[host] ", " slots_ok[host] " of 16384 slots, " size[host] " of " owners " masters"
            return 1
        }
        if (!is_master[host] && link[host] != "up") {
            print "wait replica " host " is copying from its master"
            return 1
        }
    }
    return 0
}

function report(    i, j, host, replicas) {
    for (i = 1; i <= mains; i++) {
        host = main[i]
        replicas = ""
        for (j = 1; j <= pods; j++)
            if (!is_master[pod[j]] && master_of[pod[j]] == id_of[host]) replicas = replicas " " pod[j]
        print "row " (shard_of[host] == "-" ? i - 1 : shard_of[host]) " master " host " (" address_of[host] ") replicas" \
            (replicas == "" ? " none" : replicas) " slots" (own_slots[host] == "" ? " none" : own_slots[host])
        if (own_slots[host] == "") misplaced("master " host " has no slots")
    }
    if (wrong != "") print "refuse 8 all pods are joined, but slots have to be moved: " wrong
    else print "done"
}

END {
    if (topology_is_old() || pods_are_silent()) exit
    if (names_collide() || strangers_are_known() || claims_collide() || slots_are_lost()) exit
    choose_masters()
    if (create() || meet_pods()) exit
    # A master that says itself that it serves its slots can have replicas before all others know of it.
    if (all_claimed() && attach_replicas(1)) exit
    if (are_strangers() || views_differ()) exit
    if (assign_slots() || attach_replicas(0) || is_unsettled()) exit
    report()
}
