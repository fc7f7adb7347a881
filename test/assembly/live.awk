# Reads the assembly of probes.cpp. After the label of a switch no register may be read before it is written, other than
# those that the switch itself brings back. The functions are straight lines, so that order is the order of execution.
#
#   awk -v target=x86_64|aarch64 -v probes=N -f live.awk probes.s      N: how many switches there must be
#
# Whatever it does not know counts as reading all its registers.

function report(what) {
    printf "%s:%d: %s: %s\n", FILENAME, FNR, what, $0
    failed = 1
}

# One name for all widths of a register.
function family(r) {
    if (target == "aarch64") {
        if (r ~ /^(sp|wsp|xzr|wzr)$/) return "sp"
        if (r ~ /^[wx][0-9]+$/) return "x" substr(r, 2)
        if (r ~ /^[bhsdqvz][0-9]+$/) return "v" substr(r, 2)
        return r
    }
    if (r ~ /^[xyz]mm[0-9]+$/) return "v" substr(r, 4)
    if (r ~ /^r[0-9]+[bwd]$/) return substr(r, 1, length(r) - 1)
    if (r ~ /^[re]?[abcd]x$/ || r ~ /^[abcd][lh]$/) { sub(/^[re]/, "", r); return "r" substr(r, 1, 1) "x" }
    if (r ~ /^[re]?(si|di|bp|sp)l?$/) { sub(/^[re]/, "", r); sub(/l$/, "", r); return "r" r }
    return r
}

function begin_function(    n, i, names) {
    n = split(target == "aarch64" ? "sp x29 x0 x1" : "rsp rbp rdi rsi rip", names, " ")
    delete written
    for (i = 1; i <= n; ++i) written[names[i]] = 1
    depth = 0
    inside = 1
    ++found
}

function registers(text, into,    n, pattern) {
    n = 0
    pattern = target == "aarch64" ? "[a-z]+[0-9]*" : "%[a-z]+[0-9]*[bwdl]?(\\([0-7]\\))?"
    while (match(text, pattern)) {
        into[++n] = substr(text, RSTART, RLENGTH)
        sub(/^%/, "", into[n])
        text = substr(text, RSTART + RLENGTH)
    }
    return n
}

function is_register(r) {
    if (target == "aarch64") return r ~ /^([wxbhsdqvz][0-9]+|p[0-9]+|sp|ffr)$/
    return r !~ /^st/
}

function read(text,    n, i, all) {
    n = registers(text, all)
    for (i = 1; i <= n; ++i)
        if (is_register(all[i]) && !(family(all[i]) in written)) report(all[i] " is live across the switch")
}

function write(text,    n, i, all) {
    n = registers(text, all)
    for (i = 1; i <= n; ++i) if (is_register(all[i])) written[family(all[i])] = 1
}

# The x87 stack is empty after a switch.
function x87(op, operands,    needs) {
    if (op ~ /^fld/ && operands !~ /%st/) { ++depth; return }
    needs = match(operands, /st\([0-7]\)/) ? substr(operands, RSTART + 3, 1) + 1 : op == "fxch" ? 2 : 1
    if (depth < needs) report("an x87 register is live across the switch")
    read(operands)
    if (op ~ /^fld/) ++depth
    if (op ~ /^f[a-z]*p[tsl]?$/) --depth
}

function only_writes_last(op, operands, sources) {
    if (operands ~ /[{]%k/) return 0
    if (op ~ /^movs[sd]$/) return sources !~ /^%/
    if (op ~ /^(mov|kmov|lea|pop)/) return 1
    return op ~ /^v/ && op !~ /^v(fm|fnm|pternlog|pdp|permi2|permt2|pmadd52|fixup)/
}

function x86_64(op, operands,    last, sources) {
    if (op ~ /^(ret|endbr64|nop|leave|vzeroupper|emms|ud2)/) return
    if (op ~ /^(j|call)/) return report("not a straight line")
    if (op ~ /^f/) return x87(op, operands)
    match(operands, /%[a-z0-9]+$/)
    last = RSTART > 0 ? substr(operands, RSTART) : ""
    sources = last == "" ? operands : substr(operands, 1, RSTART - 1)
    if (last != "" && op ~ /xor/ && sources ~ ("^(" last ",[ \t]*)+$")) return write(last)
    read(only_writes_last(op, operands, sources) ? sources : operands)
    write(last)
}

function aarch64(op, operands,    count, i, parts, target_text) {
    if (op ~ /^(ret|hint|nop|autiasp|paciasp)/) return
    if (op ~ /^(b|bl|br|blr|cb|tb)/) return report("not a straight line")
    count = op ~ /^ldn?p/ ? 2 : op ~ /^(ld|mov|movz|fmov|adr|add|sub|ptrue|dup|rdvl|addvl|cnt|whilel)/ ? 1 : 0
    target_text = ""
    for (i = 0; i < count; ++i) {
        if (!match(operands, /^[^,]*,?[ \t]*/)) break
        target_text = target_text " " substr(operands, 1, RLENGTH)
        operands = substr(operands, RLENGTH + 1)
    }
    if (op == "movk" || operands ~ /\/m/) read(target_text)
    read(operands)
    write(target_text)
}

{ sub(/^[ \t]+/, "") }
target == "aarch64" { sub(/[ \t]*\/\/.*$/, "") }
target != "aarch64" { sub(/[ \t]*#.*$/, "") }

/^1: *(endbr64|hint #36)/ || (/^(endbr64|hint[ \t]+#36|bti[ \t]+j)/ && label) { begin_function(); next }
{ label = /^(1:|\.Ltmp[0-9]+:)$/ }
!inside || /^$/ || /^[.#@\/]/ || /:$/ { if (/\.cfi_endproc/) inside = 0; next }
{
    operands = $0
    op = $1
    sub(/^[^ \t]+[ \t]*/, "", operands)
    if (target == "aarch64") aarch64(op, operands)
    else x86_64(op, operands)
}

END {
    if (found != probes || found == 0) {
        printf "%s: %d switches, not %d\n", FILENAME, found, probes
        failed = 1
    }
    exit failed
}
