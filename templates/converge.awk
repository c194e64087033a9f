# Decides what bootstrap.sh does next, from what all pods answered at one time. Asks nobody and changes
# nothing, so every decision can be tested with text alone.
#
# Input, in this order:
#     option NAME VALUE     shards, replicas (of each shard), retiring (pods), busport, created (1: create was tried)
#     pod HOST SHARD WORDS  in the order of the topology; SHARD is - where any pod may serve any shard; the word
#                           "retiring" marks a pod that is to leave the cluster
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
#     believe HOST ADDRESS OWNER ID SLOT...   HOST, which is getting the slots, has to hear that OWNER serves them now
#     stable HOST ADDRESS SLOT            HOST serves the slot, and is marked as giving or getting it
#     release HOST ADDRESS SLOT           HOST is marked as getting the slot, and will not
#     progress SLOTS, then one of         so many slots have to be moved in all
#         finish SOURCE TARGET WITNESS SLOT...   move slots that are half moved already; SOURCE and TARGET are each
#         move SOURCE TARGET WITNESS SLOT...     HOST ADDRESS ID; WITNESS is the address of a replica of TARGET, or -
#     refuse 4 TEXT, then stray KEYS HOST OWNER WITNESS SLOT... (several): HOST has so many keys and no slots; they may be
#                                         copies of OWNER's, of these slots, which is a way on. Both are HOST ADDRESS ID.
#     handover HOST ADDRESS MASTER        HOST takes over from its master, the pod MASTER
#     retire HOST ADDRESS ID, then HOST ADDRESS of those that know it (several): HOST leaves the cluster
#     row SHARD MASTER SLOTS KEYS REPLICAS (several), then left HOST ADDRESS of each that is out, then done, or refuse 8:
#                                         all that can be done is done; what is left has to write down that it is empty
# Lines "note TEXT" may stand before any of them.
#
# A pod that retires and serves no slots is leaving; when it knows nobody and nobody knows it, it is out. What leaving
# pods believe does not matter any more.

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

# Remembers a slot that is half moved: [SLOT->-ID] on the node that gives it away, [SLOT-<-ID] on the one that gets it.
function note_open(host, text,    part) {
    gsub(/[][]/, "", text)
    split(text, part, /-[<>]-/)
    opens++
    open_host[opens] = host
    open_slot[opens] = part[1] + 0
    open_peer[opens] = part[2]
    open_gives[opens] = text ~ /->-/
}

{ sub(/\r$/, "") }

$1 == "option" { option[$2] = $3; next }
$1 == "pod" {
    pod[++pods] = $2
    shard_of[$2] = $3
    for (i = 4; i <= NF; i++) if ($i == "retiring") { retires[$2] = 1; retiring++ }
    next
}
$1 == "view" { viewer = $2; address_of[viewer] = $3; next }

# The id on a line of its own: CLUSTER MYID.
NF == 1 && length($1) == 40 && $1 !~ /[^0-9a-f]/ {
    id_of[viewer] = $1
    host_of[$1] = viewer
    next
}

# A line of CLUSTER NODES.
length($1) == 40 && $1 !~ /[^0-9a-f]/ && NF >= 8 {
    if ($3 ~ /handshake/) { handshakes++; next }
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
        for (i = 9; i <= NF; i++) if ($i ~ /^\[/) note_open(viewer, $i)
        is_master[viewer] = $3 ~ /master/
        epoch[viewer] = $7
        master_of[viewer] = $4
        own_slots[viewer] = slots
        bus_port[viewer] = bus_port_of($2)
    }
    next
}

/^cluster_state:/ { state[viewer] = substr($0, 15); next }
/^cluster_slots_ok:/ { slots_ok[viewer] = substr($0, 18); next }
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
    wanted = option["shards"] * (1 + option["replicas"]) + option["retiring"]
    if (pods == wanted && retiring + 0 == option["retiring"] + 0) return 0
    print "wait the topology lists " pods " pods, " retiring + 0 " of them retiring; this Job is for " wanted " and " \
        option["retiring"] + 0 ": the mounted file is not yet the new one, or there is a newer Job"
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

# Sets leaving[HOST] and out[HOST].
function find_leaving(    i, j, host, other, alone) {
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        if (!(host in retires) || own_slots[host] != "") continue
        leaving[host] = 1
        alone = seen_count[host] == 1
        for (j = 1; j <= pods; j++)
            if (j != i && sees[pod[j], id_of[host]]) alone = 0
        if (alone) out[host] = 1
    }
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
        if (host in leaving) continue
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

# The number of slots in a list of ranges.
function size_of(ranges,    i, n, list, ends, count) {
    n = split(ranges, list, " ")
    for (i = 1; i <= n; i++) count += split(list[i], ends, "-") < 2 ? 1 : ends[2] - ends[1] + 1
    return count + 0
}

# The pods whose part it is to be a master: mains of them, main[1] ... In the sharded layout they are in
# the order of the shards, and serves[SHARD] is the host. Else they are in the order of their slots.
# A pod that retires is one only as long as it serves slots and no pod that stays can do so in its place.
function choose_masters(    i, j, host, shard, shards, number, order, chosen) {
    mains = 0
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        served[host] = size_of(own_slots[host])
        if (!is_master[host]) has_replica[master_of[host]] = 1
    }
    if (shard_of[pod[1]] == "-") {
        choose_any()
        return
    }
    for (i = 1; i <= pods; i++) {
        shard = shard_of[pod[i]]
        if (pod[i] in retires || shard in order) continue
        order[shard] = ++shards
        number[shards] = shard
    }
    for (i = 2; i <= shards; i++)
        for (j = i; j > 1 && number[j] + 0 < number[j - 1] + 0; j--) {
            shard = number[j]
            number[j] = number[j - 1]
            number[j - 1] = shard
        }
    for (j = 1; j <= shards; j++) {
        chosen = ""
        for (i = 1; i <= pods; i++) {
            host = pod[i]
            if (shard_of[host] == number[j] && is_master[host] && (served[host] || !(host in retires)) && \
                (chosen == "" || is_better(host, chosen))) chosen = host
        }
        if (chosen == "") {
            misplaced("shard " number[j] " has no master, its pods are replicas elsewhere")
            lacking[++lacks] = number[j]
            continue
        }
        main[++mains] = chosen
        serves[number[j]] = chosen
    }
}

# True if one pod rather than another is the master of their shard: where most slots are, the fewest have to be moved.
function is_better(host, other) {
    if (served[host] != served[other]) return served[host] > served[other]
    return !served[host] && (id_of[host] in has_replica) && !(id_of[other] in has_replica)
}

# Any pod may serve any shard: first those that stay and have slots, then those that retire and have slots, then empty
# ones, of these first those that already have a replica, so that a second run decides alike.
function choose_any(    i, j, host, chosen) {
    add_most(0)
    add_most(1)
    for (i = 1; i <= mains; i++) chosen[main[i]] = 1
    # By first slot; there are few.
    for (i = 2; i <= mains; i++)
        for (j = i; j > 1 && first_slot(main[j]) < first_slot(main[j - 1]); j--) {
            host = main[j]
            main[j] = main[j - 1]
            main[j - 1] = host
        }
    for (j = 1; j >= 0; j--)
        for (i = 1; i <= pods && mains < option["shards"]; i++) {
            host = pod[i]
            if (host in chosen || host in retires || !is_master[host] || (id_of[host] in has_replica) < j) continue
            chosen[host] = 1
            main[++mains] = host
        }
}

# Adds masters with slots until there are enough, those with most slots first.
function add_most(retire,    i, host, best, taken) {
    while (mains < option["shards"]) {
        best = ""
        for (i = 1; i <= pods; i++) {
            host = pod[i]
            if (host in taken || (host in retires) != retire || !served[host]) continue
            if (best == "" || served[host] > served[best] || \
                (served[host] == served[best] && first_slot(host) < first_slot(best))) best = host
        }
        if (best == "") return
        taken[best] = 1
        main[++mains] = best
    }
}

# Remembers what this script cannot put right.
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
        if (pod[i] in leaving) continue
        count = 0
        for (j = 1; j <= pods; j++) if (sees[pod[i], id_of[pod[j]]]) count++
        if (count > most) { most = count; best = pod[i] }
    }
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        if (host == best || host in leaving) continue
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
            if (pod[i] in leaving || pod[j] in leaving) continue
            if (pod[i] == best || pod[j] == best || sees[pod[i], id_of[pod[j]]] || sees[pod[j], id_of[pod[i]]]) continue
            if (pairs++ < 60) print "meet", pod[i], address_of[pod[i]], pod[j], address_of[pod[j]]
        }
    return met
}

function are_strangers(    i, j) {
    for (i = 1; i <= pods; i++)
        for (j = 1; j <= pods; j++)
            if (!(pod[i] in leaving) && !(pod[j] in leaving) && !sees[pod[i], id_of[pod[j]]]) {
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
        if (pod[j] in leaving) continue
        for (i = 1; i <= pods; i++) {
            host = pod[i]
            if (host in leaving) continue
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

# A server that is getting a slot keeps what it believes of it until it has it, whoever takes over from the one that
# gives it. When that one is a replica then, Redis 7.0 believes that nobody serves the slot, and takes no key of it.
function beliefs_are_kept(    i, host, slot, owner, pair, known, heard, line, order, n) {
    if (!opens) return 0
    for (i = 1; i <= pods; i++) claim(own_slots[pod[i]], pod[i], owner)
    for (i = 1; i <= opens; i++) {
        host = open_host[i]
        slot = open_slot[i]
        if (open_gives[i] || !is_master[host] || host in leaving || !(slot in owner) || owner[slot] == host) continue
        pair = host " " address_of[host] " " owner[slot] " " id_of[owner[slot]]
        if (pair != known) {
            known = pair
            split("", heard)
            claim(seen_slots[host, id_of[owner[slot]]], host, heard)
        }
        if (slot in heard) continue
        if (!(pair in line)) order[++n] = pair
        line[pair] = line[pair] " " slot
    }
    for (i = 1; i <= n; i++) print "believe " order[i] line[order[i]]
    return n
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

# How many replicas that stay a master should have. Where the master retires, one of them takes its place.
function wanted_replicas(host) {
    return option["replicas"] + (host in retires)
}

# Sets is_main[ID] and replicas[HOST], the number of replicas that stay.
function count_replicas(    i, host) {
    for (i = 1; i <= mains; i++) { is_main[id_of[main[i]]] = main[i]; replicas[main[i]] = 0 }
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        if (!(host in retires) && !is_master[host] && master_of[host] in is_main) replicas[is_main[master_of[host]]]++
    }
}

# The master that lacks replicas most.
function neediest(    i, found) {
    found = main[1]
    for (i = 2; i <= mains; i++)
        if (replicas[main[i]] - wanted_replicas(main[i]) < replicas[found] - wanted_replicas(found)) found = main[i]
    return found
}

# With "early", only those that know their master. The replica of a master whose slots have yet to be moved away stays
# with it until then.
function attach_replicas(early,    i, host, wanted, done) {
    count_replicas()
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        if (host in retires || id_of[host] in is_main || own_slots[host] != "") continue
        if (!is_master[host] && !(master_of[host] in is_main) && served[host_of[master_of[host]]]) continue
        if (shard_of[host] == "-") {
            if (!is_master[host] && master_of[host] in is_main) continue
            wanted = neediest()
            if (wanted == "") continue
            replicas[wanted]++
        } else {
            wanted = serves[shard_of[host]]
            if (wanted == "" || (!is_master[host] && master_of[host] == id_of[wanted])) continue
        }
        if (early && !sees[host, id_of[wanted]]) continue
        if (is_master[host] && keys[host]) {
            if (epoch[host] > 0) continue
            refuse_keys(host)
            return 1
        }
        print "replicate", host, address_of[host], id_of[wanted], wanted
        done++
    }
    return done
}

function refuse_keys(host) {
    print "refuse 4 " host " is a master with keys and without slots: it is not made a replica, its keys would be lost"
}

# A master that was elected while slots were on the way to its shard, and whose own master came back with some of them
# that nobody else had heard of: it has copies of their keys. One that was never elected has keys of another origin.
function bring_together(    i, j, host) {
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        if (host in retires || !is_master[host] || own_slots[host] != "" || !keys[host]) continue
        refuse_keys(host)
        for (j = 1; j <= mains; j++)
            if (served[main[j]]) print "stray " keys[host] " " place(host) " " place(main[j]) " " witness(host) own_slots[main[j]]
        return 1
    }
    return 0
}

function is_unsettled(    i, j, host, id, text) {
    for (i = 1; i <= pods; i++)
        for (j = 1; j <= pods; j++) {
            host = pod[i]
            if (host in leaving || pod[j] in leaving) continue
            if (seen_master[host, id_of[pod[j]]] == master_of[pod[j]]) continue
            if (text == "") text = host " has not heard yet whose replica " pod[j] " is"
        }
    if (text != "") {
        print "wait " text
        return 1
    }
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        if (host in leaving) continue
        for (j = 1; j <= pods; j++) {
            id = id_of[pod[j]]
            if (i != j && !(pod[j] in leaving) && !seen_well[host, id]) {
                print "wait " host " has no good connection to " pod[j] " yet"
                return 1
            }
        }
        # Not cluster_size: Redis 8.6 does not count itself after it got its first slots whole. Who serves what was compared.
        if (state[host] != "ok" || slots_ok[host] != 16384) {
            print "wait " host " says: state " state[host] ", " slots_ok[host] " of 16384 slots"
            return 1
        }
        if (!is_master[host] && link[host] != "up") {
            print "wait replica " host " is copying from its master"
            return 1
        }
    }
    return 0
}

# The pod that is the master of a node's shard now.
function master_at(id,    host) {
    host = host_of[id]
    if (host != "" && !is_master[host]) host = host_of[master_of[host]]
    return host
}

# HOST ADDRESS ID
function place(host) {
    return host " " address_of[host] " " id_of[host]
}

# The address of a replica of a pod, or -.
function witness(host,    i) {
    for (i = 1; i <= pods; i++)
        if (!is_master[pod[i]] && master_of[pod[i]] == id_of[host] && link[pod[i]] == "up") return address_of[pod[i]]
    return "-"
}

# Slots that somebody was killed while moving. Their keys are on both sides, so the move is finished: to where the
# owner gives them, or else to the first that waits for them. After a failover only one side may remember.
function finish_slots(    i, n, host, slot, peer, owner, target, order, slots, source, line, done) {
    if (!opens) return 0
    for (i = 1; i <= pods; i++) claim(own_slots[pod[i]], pod[i], owner)
    for (i = 1; i <= opens; i++) {
        slot = open_slot[i]
        peer = master_at(open_peer[i])
        if (!(slot in target)) { order[++n] = slot; target[slot] = "" }
        if (open_gives[i] && open_host[i] == owner[slot] && peer != "" && peer != owner[slot]) target[slot] = peer
    }
    for (i = 1; i <= opens; i++) {
        host = open_host[i]
        slot = open_slot[i]
        if (target[slot] == "" && !open_gives[i] && is_master[host] && host != owner[slot]) target[slot] = host
    }
    # Marks on others than these two are wrong. A replica has them from its master.
    for (i = 1; i <= opens; i++) {
        slot = open_slot[i]
        host = is_master[open_host[i]] ? open_host[i] : host_of[master_of[open_host[i]]]
        if (host == "" || (target[slot] != "" && (host == target[slot] || host == owner[slot]))) continue
        if ((host, slot) in done) continue
        done[host, slot] = 1
        print (host == owner[slot] ? "stable" : "release"), host, address_of[host], slot
    }
    for (i = 1; i <= n; i++) {
        slot = order[i]
        if (target[slot] == "" || owner[slot] == "") continue
        if (line == "") {
            source = owner[slot]
            host = target[slot]
        }
        if (owner[slot] == source && target[slot] == host) line = line " " slot
    }
    if (line != "") {
        share_out()
        print "progress " (to_go > n ? to_go : n)
        print "finish " place(source) " " place(host) " " witness(host) line
    }
    return 1
}

# The last slots of a list of ranges, so many of them, as ranges.
function last_slots(ranges, count,    i, n, list, ends, from, text) {
    n = split(ranges, list, " ")
    for (i = n; i >= 1 && count > 0; i--) {
        if (split(list[i], ends, "-") < 2) ends[2] = ends[1]
        from = ends[2] - ends[1] + 1 > count ? ends[2] - count + 1 : ends[1]
        count -= ends[2] - from + 1
        text = " " from "-" ends[2] text
    }
    return text
}

# Works out the equal part of each master, quota, and how many slots have to_go to another one for it. They have to if
# it is_uneven: some part has to go elsewhere, or one is missing, or one is more than 2 % off. So small a difference is
# left alone, as redis-cli does. The next ones go from giver to taker.
function share_out(    i, host, part, rest, best, taken, surplus) {
    if (!mains) return
    part = int(16384 / mains)
    rest = 16384 - part * mains
    for (i = 1; i <= mains; i++) quota[main[i]] = part
    # Those with most slots keep one more where it does not come out even.
    for (; rest > 0; rest--) {
        best = ""
        for (i = 1; i <= mains; i++)
            if (!(main[i] in taken) && (best == "" || served[main[i]] > served[best])) best = main[i]
        taken[best] = 1
        quota[best]++
    }
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        if (!(host in quota)) {
            if (!served[host]) continue
            is_uneven = 1
            # What has to be emptied comes first.
            if (giver == "" || giver in quota) giver = host
            to_go += served[host]
            continue
        }
        surplus = served[host] - quota[host]
        if (!served[host] || 50 * surplus > part || -50 * surplus > part) is_uneven = 1
        if (surplus > 0 && giver == "") giver = host
        if (surplus > 0) to_go += surplus
        if (surplus < 0 && taker == "") taker = host
    }
}

# Gives each master its equal part, with as few moves as can be.
function move_slots(    surplus, lack) {
    if (mains < option["shards"]) return 0
    share_out()
    if (!is_uneven || giver == "" || taker == "") return 0
    surplus = served[giver] - quota[giver]
    lack = quota[taker] - served[taker]
    print "progress " to_go
    print "move " place(giver) " " place(taker) " " witness(taker) \
        last_slots(own_slots[giver], surplus < lack ? surplus : lack)
    return 1
}

# Where any pod may serve any shard, one master may be left with too many replicas and another with too few.
function spread_replicas(    i, host, from, wanted, done) {
    if (shard_of[pod[1]] != "-") return 0
    count_replicas()
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        from = is_main[master_of[host]]
        if (host in retires || is_master[host] || from == "" || replicas[from] <= wanted_replicas(from)) continue
        wanted = neediest()
        if (replicas[wanted] >= wanted_replicas(wanted)) break
        replicas[from]--
        replicas[wanted]++
        print "replicate", host, address_of[host], id_of[wanted], wanted
        done++
    }
    return done
}

# Two kinds of masters hand their shards over to replicas: those that retire and whose shards stay, and surplus ones with
# a replica whose own shard has no master. One at a time: two elections could split the votes.
function hand_over(    i, j, host, from) {
    count_replicas()
    for (i = 1; i <= lacks; i++)
        for (j = 1; j <= pods; j++) {
            host = pod[j]
            from = host_of[master_of[host]]
            if (shard_of[host] != lacking[i] || host in retires || is_master[host]) continue
            if (!served[from] || id_of[from] in is_main) continue
            print "handover", host, address_of[host], from
            return 1
        }
    for (i = 1; i <= mains; i++) {
        if (!(main[i] in retires)) continue
        for (j = 1; j <= pods; j++) {
            host = pod[j]
            if (host in retires || is_master[host] || master_of[host] != id_of[main[i]]) continue
            print "handover", host, address_of[host], main[i]
            return 1
        }
        print "wait " main[i] " retires, is a master, and has no replica that stays"
        return 1
    }
    return 0
}

# Takes pods out of the cluster that retire and serve nothing any more: replicas first, since nobody can forget its
# master. Whoever is forgotten by some only would come back by hearsay, so all forget it in one go.
function take_out(    i, j, host, masters, text, count) {
    count_replicas()
    for (i = 1; i <= mains; i++)
        if (replicas[main[i]] < option["replicas"]) {
            print "wait " main[i] " has " replicas[main[i]] " of " option["replicas"] " replicas that stay"
            return 1
        }
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        if (!(host in leaving) || !is_master[host] || !keys[host]) continue
        print "refuse 4 " host " retires and has no slots, but " keys[host] " keys: nobody would have them when it is gone"
        return 1
    }
    masters = 1
    for (i = 1; i <= pods; i++) if (pod[i] in leaving && !(pod[i] in out) && !is_master[pod[i]]) masters = 0
    for (i = 1; i <= pods; i++) {
        host = pod[i]
        if (!(host in leaving) || host in out || is_master[host] != masters) continue
        text = "retire " place(host)
        for (j = 1; j <= pods; j++) {
            if (i == j || pod[j] in out || !sees[pod[j], id_of[host]]) continue
            # Those that go together forget everybody themselves.
            if (pod[j] in leaving && is_master[pod[j]] == masters) continue
            text = text " " pod[j] " " address_of[pod[j]]
        }
        print text
        count++
    }
    return count
}

function is_introduced() {
    if (!retiring || !handshakes) return 0
    print "wait somebody is being introduced to a node, which may be one that has left"
    return 1
}

function report(    i, j, host, text) {
    for (i = 1; i <= mains; i++) {
        host = main[i]
        text = ""
        for (j = 1; j <= pods; j++)
            if (!is_master[pod[j]] && master_of[pod[j]] == id_of[host]) text = text " " pod[j]
        print "row", (shard_of[host] == "-" ? i - 1 : shard_of[host]), host, served[host], keys[host] + 0 (text == "" ? " none" : text)
        if (own_slots[host] == "") misplaced("master " host " has no slots")
    }
    if (shard_of[pod[1]] == "-" && mains < option["shards"])
        misplaced(mains " of " option["shards"] " shards have a master, all other pods are replicas of these")
    text = ""
    for (i = 1; i <= pods; i++) {
        if (!(pod[i] in out)) continue
        text = text " " pod[i]
        print "left", pod[i], address_of[pod[i]]
    }
    if (text != "") print "note empty, alone and unknown to the others:" text
    if (wrong != "") print "refuse 8 all pods are joined, but not all is as it should be: " wrong
    else print "done"
}

END {
    if (topology_is_old() || pods_are_silent()) exit
    if (names_collide() || strangers_are_known() || claims_collide()) exit
    find_leaving()
    if (slots_are_lost()) exit
    choose_masters()
    if (create() || meet_pods()) exit
    # A master that says itself that it serves its slots can have replicas before all others know of it.
    if (all_claimed() && attach_replicas(1)) exit
    if (are_strangers() || beliefs_are_kept() || views_differ()) exit
    if (assign_slots() || attach_replicas(0) || is_unsettled()) exit
    # From here on the cluster is whole.
    if (finish_slots() || bring_together() || move_slots() || spread_replicas() || hand_over() || take_out() || is_introduced()) exit
    report()
}
