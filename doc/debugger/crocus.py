"""The fibers of a crocus program, in gdb and in lldb: of a live process or of a core dump. See doc/debugging.md.

    (gdb)  source crocus.py
    (lldb) command script import crocus.py

It reads the descriptor crocus_debug_v1 (lib/detail/debug_descriptor.hpp), and so needs no debug information of crocus,
and does not know the names of its members.
"""
import os
import shlex
import struct

USAGE = """usage:
  fibers              every fiber: tasks, generators, threads' main flows
  fiber N             the backtrace of one; in gdb up, down and bt then work in it, until fiber off or the program goes on
  fiber off           back to the thread
  fiber bt N|all      backtraces alone
  fiber tree          which task awaits which
  fiber core FILE     (gdb) gcore, with the fibers' stacks: gcore's own stops at their guards (Linux 6.13 and later)"""

# The numbers of the descriptor that follow its first seven fields, in its order.
NUMBERS = """
    chunk_older chunk_begin chunk_next chunk_slot_bytes guard_bytes slot_reserved slot_colours slot_colour_bytes
    link_fiber thread_next thread_own thread_state thread_number state_running
    fiber_sp fiber_pc fiber_fp fiber_bx fiber_top fiber_size fiber_argument fiber_identity
    identity_kind identity_name identity_site identity_number site_file site_line text_data text_size
    loop_running loop_tasks loop_main
    agent_next agent_flow agent_parked agent_waiter agent_name agent_number agent_outcome
    waiter_queue outcome_queue outcome_site generator_resumer generator_status generator_running
    generator_delegate generator_root""".split()
HEAD = "<8sIIIIQQQ"

# By the descriptor's processor.
REGISTERS = {
    1: dict(pc="rip", sp="rsp", fp="rbp", bx="rbx"),
    2: dict(pc="pc", sp="sp", fp="x29", bx="x19"),
}


class Unreadable(Exception):
    """Memory that is not there, or that a core dump lacks."""


class Fiber:
    """One line of the list. A task that has not begun has no address, a thread's own flow no stack."""

    def __init__(self, address, kind, name="", site="", state="left", size=0):
        self.address, self.kind, self.name, self.site = address, kind, name, site
        self.state, self.size = state, size
        self.number = 0
        self.thread = None  # that it runs on
        self.registers = None  # while it is left
        self.argument = self.name_at = self.top = 0


class Agent:
    """A task or a main flow, as its loop sees it."""

    def __init__(self, address, name, site, flow, parked, queue):
        self.address, self.name, self.site = address, name, site
        self.flow, self.parked, self.queue = flow, parked, queue
        self.awaited_by = 0  # the queue of those who await it
        self.fiber = None


class Process:
    """What the descriptor leads to. `host` is a debugger: symbol, read, where, backtrace."""

    def __init__(self, host):
        self.host = host
        self.texts = {}
        at = host.symbol("crocus_debug_v1")
        if not at:
            raise Unreadable("no symbol crocus_debug_v1: not a crocus program, or stripped, or crocus is not loaded yet")
        magic, self.version, size, self.processor, self.mechanism, self.chunks, self.threads, self.entry = struct.unpack(
            HEAD, host.read(at, struct.calcsize(HEAD)))
        if magic != b"crocusDB":
            raise Unreadable("crocus_debug_v1 is no descriptor: has the program been started?")
        head = struct.calcsize(HEAD)
        if size < head + 4 * len(NUMBERS):
            raise Unreadable("this program's crocus is older than this script: use the script of its version")
        values = struct.unpack(f"<{len(NUMBERS)}I", host.read(at + head, 4 * len(NUMBERS)))
        self.at = dict(zip(NUMBERS, values))
        self.running = {}
        self.fibers = self.main_flows() + self.on_stacks()
        self.by_address = {f.address: f for f in self.fibers}
        self.by_state = {f.argument: f for f in self.fibers if f.kind == "generator"}
        self.tell_delegators()
        self.loops = [f.argument for f in self.fibers if f.kind == "event loop"]
        self.running_agents = {self.word(loop, "loop_running") for loop in self.loops}
        self.agents = [a for loop in self.loops for a in self.agents_of(loop)]
        self.tell_agents()
        for number, fiber in enumerate(self.fibers, 1):
            fiber.number = number

    # ------------------------------------------------------------------------------------------------------- memory

    def word(self, address, field=None):
        return struct.unpack("<Q", self.host.read(address + (self.at[field] if field else 0), 8))[0]

    def half(self, address, field):
        return struct.unpack("<I", self.host.read(address + self.at[field], 4))[0]

    def c_text(self, address):
        if address and address not in self.texts:
            found = b""
            while b"\0" not in found and len(found) < 4096:
                step = 64 - (address + len(found)) % 64  # never beyond a page that may be the last
                found += self.host.read(address + len(found), step)
            self.texts[address] = found.split(b"\0")[0].decode(errors="replace")
        return self.texts.get(address, "")

    def site(self, at):
        if not at:
            return ""
        file = self.c_text(self.word(at, "site_file"))
        return f"{os.path.basename(file)}:{self.half(at, 'site_line')}" if file else ""

    def name(self, holder, number):
        text = self.word(holder) if holder else 0
        if not text:
            return f"Task-{number}" if number else ""
        size = min(self.word(text, "text_size"), 200)
        return self.host.read(self.word(text, "text_data"), size).decode(errors="replace")

    # ------------------------------------------------------------------------------------------------------- fibers

    def main_flows(self):
        flows, thread = [], self.threads
        while thread:
            own, number = self.word(thread, "thread_own"), self.word(thread, "thread_number")
            self.running[self.word(self.word(thread, "thread_state"), "state_running")] = number
            flows.append(self.fiber(own, "main", f"thread {number}"))
            thread = self.word(thread, "thread_next")
        for flow in flows:
            self.tell_running(flow)
        return flows[::-1]

    def on_stacks(self):
        return [fiber for fiber in (self.on_slot(base, slot) for base, slot in self.slots()) if fiber]

    def slots(self):
        chunk = self.chunks
        while chunk:
            slot, begin = self.word(chunk, "chunk_slot_bytes"), self.word(chunk, "chunk_begin")
            yield from ((base, slot) for base in range(begin, self.word(chunk, "chunk_next"), slot))
            chunk = self.word(chunk, "chunk_older")

    def on_slot(self, base, slot):
        colour = base // slot % self.at["slot_colours"] * self.at["slot_colour_bytes"]
        link = base + slot - self.at["slot_reserved"] - colour
        try:
            address = self.word(link, "link_fiber") - 1
            if address % 2 or self.word(address, "fiber_top") != link:
                return None  # free, or just being taken or given back
            identity = self.word(address, "fiber_identity")
            fiber = self.fiber(address, "fiber")
            if identity:
                fiber.kind = self.c_text(self.word(identity, "identity_kind"))
                fiber.site = self.site(self.word(identity, "identity_site"))
                fiber.name_at = self.word(identity, "identity_name")
                if fiber.kind == "idle stack":
                    fiber.state, fiber.site = "idle", ""
                else:
                    fiber.name = self.name(fiber.name_at, self.word(identity, "identity_number"))
        except Unreadable:
            return None  # in the middle of being made
        self.tell_running(fiber)
        return fiber

    def fiber(self, address, kind, name=""):
        f = Fiber(address, kind, name)
        f.size, f.top = self.word(address, "fiber_size"), self.word(address, "fiber_top")
        f.argument = self.word(address, "fiber_argument")
        f.registers = self.registers(address)
        if self.mechanism == 1 and f.registers and f.registers[REGISTERS[self.processor]["pc"]] == self.entry:
            f.state = "not started"
        return f

    def tell_running(self, fiber):
        if fiber.address in self.running:
            fiber.state, fiber.thread = "running", self.running[fiber.address]
        elif fiber.kind == "generator":
            inside = self.half(fiber.argument, "generator_status") == self.at["generator_running"]
            fiber.state = "left" if inside else "suspended"

    def registers(self, address):
        """Of a fiber that is left; None where they are not known."""
        names = REGISTERS.get(self.processor)
        if self.mechanism == 1 and names:
            return {name: self.word(address, f"fiber_{role}") for role, name in names.items()}
        sp = self.word(address, "fiber_sp")
        offsets, size = self.fcontext()
        if not sp or not offsets:
            return None
        return {names["sp"]: sp + size, **{name: self.word(sp + at) for name, at in offsets.items()}}

    def fcontext(self):
        """Where jump_fcontext leaves the registers on the stack, and how many bytes it takes there."""
        if self.processor == 2:
            return {**{f"x{n}": 0x40 + 8 * (n - 19) for n in range(19, 31)}, "pc": 0xA0}, 0xB0
        code = self.host.symbol("jump_fcontext") if self.processor == 1 else 0
        begin = self.host.read(code, 9) if code else b""
        begin = begin[4:] if begin.startswith(b"\xf3\x0f\x1e\xfa") else begin  # endbr64
        if not begin.startswith(b"\x48\x8d\x64\x24"):  # lea -N(%rsp),%rsp; N depends on how Boost was built
            return None, 0
        end = 256 - begin[4]
        saved = ("r12", "r13", "r14", "r15", "rbx", "rbp", "rip")
        return {name: end - 8 * (len(saved) - 1 - i) for i, name in enumerate(saved)}, end + 8

    # ------------------------------------------------------------------------------------------------- who waits

    def agents_of(self, loop):
        yield self.agent(self.word(loop, "loop_main"), "main flow", "")
        at = self.word(loop, "loop_tasks")
        while at:
            outcome = self.word(at, "agent_outcome")
            task = self.agent(at, self.name(at + self.at["agent_name"], self.word(at, "agent_number")),
                              self.site(self.word(outcome, "outcome_site")))
            task.awaited_by = outcome + self.at["outcome_queue"]
            yield task
            at = self.word(at, "agent_next")

    def agent(self, at, name, site):
        waiter = self.word(at, "agent_waiter")
        parked = self.host.read(at + self.at["agent_parked"], 1) != b"\0"
        return Agent(at, name, site, self.word(at, "agent_flow"), parked, self.word(waiter, "waiter_queue") if waiter else 0)

    def tell_agents(self):
        """Finds each agent's fiber, and lists the tasks that have none."""
        by_name = {f.name_at: f for f in self.fibers if f.kind == "task"}
        for a in self.agents:
            a.fiber = by_name.get(a.address + self.at["agent_name"]) if a.awaited_by else self.ground(a.flow)
            if a.awaited_by and not a.fiber:
                a.fiber = Fiber(0, "task", a.name, a.site, "not started")
                self.fibers.append(a.fiber)
            elif a.fiber and a.fiber.state == "left" and a.address not in self.running_agents:
                a.fiber.state = "waiting" if a.parked else "ready"

    def tell_delegators(self):
        """Those between who is resumed and the leaf that runs instead are not suspended, though their bodies are."""
        for generator in self.by_state.values():
            if generator.state != "suspended":
                for fiber in self.delegators(generator):
                    fiber.state = "left"

    def delegators(self, generator):
        """By way of whom it was entered, the innermost first."""
        chain, at = [], self.word(generator.argument, "generator_root")
        while at in self.by_state and at != generator.argument and self.by_state[at] not in chain:
            chain.insert(0, self.by_state[at])
            at = self.word(at, "generator_delegate")
        return chain

    def path(self, fiber):
        """A fiber; if it is a generator that has been resumed, its delegators and who resumed them, and so on."""
        path = []
        while fiber and fiber not in path:
            path.append(fiber)
            if fiber.kind != "generator" or fiber.state == "suspended":
                break
            path += self.delegators(fiber)
            fiber = self.by_address.get(self.word(fiber.argument, "generator_resumer"))
        return path

    def inside(self, agent):
        """The generators that an agent is in, the innermost first."""
        return [f for f in self.path(self.by_address.get(agent.flow)) if f.kind == "generator"]

    def ground(self, flow):
        path = self.path(self.by_address.get(flow))
        return path[-1] if path and path[-1].kind != "generator" else None


# ---------------------------------------------------------------------------------------------------------- commands


def line_of(process, fiber):
    where = ""
    if fiber.thread:
        where = f"on thread {fiber.thread}"
    elif fiber.registers and fiber.address:
        where = process.host.where(fiber.registers[REGISTERS[process.processor]["pc"]])[:80]
    size = f"{fiber.size // 1024}K" if fiber.size else "-"
    return f"{fiber.number:>4} {fiber.kind:<14} {fiber.state:<11} {size:>6}  {fiber.name or '-':<20} {fiber.site or '-':<24} {where}"


def list_fibers(process):
    lines = [f"{'#':>4} {'kind':<14} {'state':<11} {'stack':>6}  {'name':<20} {'made at':<24} where"]
    return lines + [line_of(process, f) for f in process.fibers]


def title(fiber):
    return f"fiber {fiber.number}: {fiber.kind} '{fiber.name}' ({fiber.state}{', made at ' + fiber.site if fiber.site else ''})"


def backtrace(process, fiber):
    head = title(fiber)
    if not fiber.address or fiber.state == "not started":
        return [head, "  it has not begun"]
    if not fiber.thread and not fiber.registers:
        return [head, "  its registers are not known: Boost.Context has left it, on a processor or in a build, that this script does not know"]
    frames = ["  " + frame for frame in process.host.backtrace(process, fiber)]
    return [head] + frames + ["  resumed in " + title(f) for f in process.path(fiber)[1:]]


def tree(process):
    by_queue = {a.awaited_by: a for a in process.agents if a.awaited_by}
    awaited = {id(by_queue[a.queue]) for a in process.agents if a.queue in by_queue}
    lines, seen = [], set()

    def show(a, depth):
        number = f"fiber {a.fiber.number}" if a.fiber else "fiber ?"
        state = a.fiber.state if a.fiber else "left"
        again = " (see above)" if id(a) in seen else ""
        lines.append("  " * depth + f"{a.name} ({number}, {state}){again}")
        if again:
            return
        seen.add(id(a))
        for g in process.inside(a)[::-1]:
            lines.append("  " * depth + f"  | in generator (fiber {g.number}, made at {g.site})")
        if a.queue in by_queue:
            show(by_queue[a.queue], depth + 1)

    for a in process.agents:
        if id(a) not in awaited:
            show(a, 0)
    for a in process.agents:  # those left await each other in a circle
        if id(a) not in seen:
            show(a, 0)
    return lines


def run(host, name, arguments):
    """One command. Returns the lines to print."""
    try:
        process = Process(host)
        if name == "fibers":
            return list_fibers(process)
        if arguments == ["tree"]:
            return tree(process)
        if arguments == ["off"]:
            return host.select(process, None)
        if arguments[:1] == ["core"] and len(arguments) == 2:
            return host.core(process, arguments[1])
        only_print = arguments[:1] == ["bt"]
        chosen = arguments[1:] if only_print else arguments
        if only_print and chosen == ["all"]:
            return [line for f in process.fibers for line in backtrace(process, f) + [""]]
        if len(chosen) != 1 or not chosen[0].isdigit():
            return USAGE.splitlines()
        fiber = next((f for f in process.fibers if f.number == int(chosen[0])), None)
        if not fiber:
            return [f"no fiber {chosen[0]}: there are {len(process.fibers)}"]
        lines = backtrace(process, fiber)
        return lines if only_print else lines + host.select(process, fiber)
    except Unreadable as e:
        return [f"crocus: {e}"]


# --------------------------------------------------------------------------------------------------------------- gdb


class Gdb:
    """Backtraces are made by an unwinder that puts a fiber's frames where the callers of the thread's innermost frame
    were: no register is written, so it does for core dumps and changes nothing in a live process."""

    shown = None  # the thread that shows a fiber's frames, and the fiber's registers

    def symbol(self, name):
        try:
            return int(gdb.parse_and_eval(f"(unsigned long)&{name}"))
        except gdb.error:
            return 0

    def read(self, address, size):
        try:
            return gdb.selected_inferior().read_memory(address, size).tobytes()
        except (gdb.error, OverflowError) as e:
            raise Unreadable(f"{size} bytes at {address:#x} cannot be read") from e

    def where(self, pc):
        return gdb.execute(f"info symbol {pc:#x}", to_string=True).split(" in section")[0].strip()

    def frames(self, frame):
        lines = []
        while frame is not None and frame.is_valid():
            sal, name = frame.find_sal(), frame.name() or self.where(frame.pc())
            file = f" at {sal.symtab.filename}:{sal.line}" if sal.symtab else ""
            lines.append(f"#{len(lines):<3} {frame.pc():#018x} in {name}{file}")
            try:
                frame = frame.older()
            except gdb.error as e:
                return lines + [f"({e})"]
        return lines

    @staticmethod
    def as_caller(process, fiber):
        """A caller is looked up by the byte before its return address. The inline switch goes on just there, and what
        stands before that is between two stacks."""
        pc = REGISTERS[process.processor]["pc"]
        registers = {**fiber.registers, pc: fiber.registers[pc] + (1 if process.mechanism == 1 else 0)}
        return gdb.selected_thread(), registers

    @staticmethod
    def show(shown):
        Gdb.shown = shown
        gdb.invalidate_cached_frames()

    def backtrace(self, process, fiber):
        if fiber.thread:
            return self.on_thread(fiber.thread, lambda: self.frames(gdb.newest_frame()))
        before = Gdb.shown
        self.show(self.as_caller(process, fiber))
        try:
            return self.frames(gdb.newest_frame().older())
        finally:
            self.show(before)

    def on_thread(self, number, f):
        before, shown = gdb.selected_thread(), Gdb.shown
        self.show(None)
        try:
            for thread in gdb.selected_inferior().threads():
                if thread.ptid[1] == number:
                    thread.switch()
                    return f()
            return [f"(thread {number} is not here)"]
        finally:
            before.switch()
            self.show(shown)

    def select(self, process, fiber):
        if fiber and not fiber.thread and fiber.registers and fiber.state != "not started":
            self.show(self.as_caller(process, fiber))
            gdb.newest_frame().older().select()
            return ["(its frames are now the selected thread's, from 1 on; back by fiber off)"]
        self.show(None)
        for thread in gdb.selected_inferior().threads():
            if fiber and thread.ptid[1] == fiber.thread:
                thread.switch()
        gdb.newest_frame().select()
        return []

    def core(self, process, file):
        """gcore gives a mapping up at the first byte that cannot be read; what lies above guards is added to its file."""
        lines = gdb.execute(f"gcore {file}", to_string=True).splitlines()
        with open(file, "r+b") as core:
            offset = segments(core)
            for base, size in self.pages(process):
                if offset(base) is not None:
                    core.seek(offset(base))
                    core.write(self.read(base, size))
        return [line for line in lines if "Memory read failed" not in line]

    def pages(self, process):
        """What fibers use of their stacks, and the ends of all slots."""
        page = 4096
        used = {f.top: f.registers[REGISTERS[process.processor]["sp"]] - 256
                for f in process.fibers if f.top and f.registers and not f.thread}
        running = {f.top for f in process.fibers if f.thread}
        for base, slot in process.slots():
            end = base + slot
            tops = range(end - page, end, 64)
            sp = next((used[top] for top in tops if top in used), end - page)
            low = base + process.at["guard_bytes"] if any(top in running for top in tops) else sp // page * page
            yield low, end - low


def segments(core):
    """Where in an ELF file of 64 bits the memory at an address is."""
    head = core.read(64)
    table, entry, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
    loads = []
    for i in range(count):
        core.seek(table + i * entry)
        kind, _, offset, address, _, in_file = struct.unpack("<IIQQQQ", core.read(40))
        if kind == 1:
            loads.append((address, address + in_file, offset))
    return lambda a: next((offset + a - begin for begin, end, offset in loads if begin <= a < end), None)


def enter_gdb():
    from gdb.unwinder import Unwinder, register_unwinder

    class Id:
        def __init__(self, sp, pc):
            self.sp, self.pc = sp, pc

    class FiberUnwinder(Unwinder):
        def __init__(self):
            super().__init__("crocus fiber")

        def __call__(self, frame):
            if not Gdb.shown or frame.level() != 0 or gdb.selected_thread() != Gdb.shown[0]:
                return None
            registers = Gdb.shown[1]
            names = REGISTERS[1 if "rip" in registers else 2]
            word = frame.read_register(names["sp"]).type
            below = gdb.Value(registers[names["sp"]] - 256).cast(word)  # or gdb would say that the stack is corrupt
            info = frame.create_unwind_info(Id(below, frame.read_register(names["pc"])))
            for name, value in registers.items():
                info.add_saved_register(name, gdb.Value(value).cast(frame.read_register(name).type))
            return info

    class Command(gdb.Command):
        def __init__(self, name):
            super().__init__(name, gdb.COMMAND_STACK)
            self.name = name
            self.__doc__ = USAGE

        def invoke(self, text, _):
            gdb.write("\n".join(run(Gdb(), self.name, shlex.split(text))) + "\n")

    register_unwinder(None, FiberUnwinder(), replace=True)
    gdb.events.cont.connect(lambda _: Gdb.show(None))
    for name in ("fibers", "fiber"):
        Command(name)


# -------------------------------------------------------------------------------------------------------------- lldb


class Lldb:
    """A plug-in, below, adds the fibers that are left to the threads: to those of a core dump for good, to those of a live
    process while a command runs. No register is written."""

    def __init__(self, debugger):
        self.debugger = debugger
        self.target = debugger.GetSelectedTarget()
        self.process = self.target.GetProcess()

    def symbol(self, name):
        for module in self.target.modules:
            address = module.FindSymbol(name).GetStartAddress().GetLoadAddress(self.target)
            if address != lldb.LLDB_INVALID_ADDRESS:
                return address
        return 0

    def read(self, address, size):
        error = lldb.SBError()
        found = self.target.ReadMemory(lldb.SBAddress(address, self.target), size, error) if address < 1 << 64 else None
        if error.Fail() or not found or len(found) != size:
            raise Unreadable(f"{size} bytes at {address:#x} cannot be read")
        return found

    def where(self, pc):
        address = self.target.ResolveLoadAddress(pc)
        symbol = address.GetSymbol()
        return f"{symbol.GetName()} + {pc - symbol.GetStartAddress().GetLoadAddress(self.target)}" if symbol else f"{pc:#x}"

    def frames(self, thread):
        for frame in thread:
            line = frame.GetLineEntry()
            file = f" at {line.GetFileSpec()}:{line.GetLine()}" if line.IsValid() else ""
            yield f"#{frame.GetFrameID():<3} {frame.GetPC():#018x} in {frame.GetFunctionName()}{file}"

    def backtrace(self, process, fiber):
        self.add_threads(process)
        if fiber.thread:
            return list(self.frames(self.process.GetThreadByID(fiber.thread)))
        thread = self.process.GetThreadByID(fiber.address)
        return list(self.frames(thread)) if thread else ["(lldb does not show it)"]

    def add_threads(self, process):
        if lldb.crocus_fibers is not None and lldb.crocus_process == self.process.GetUniqueID():
            return
        lldb.crocus_process = self.process.GetUniqueID()
        left = [f for f in process.fibers if f.address and f.registers and not f.thread and f.state != "not started"]
        lldb.crocus_fibers = {f.address: (f.name, f.registers) for f in left}  # the plug-in's file is imported anew
        self.reload(f"settings set target.process.python-os-plugin-path '{os.path.abspath(__file__)}'")

    def remove_threads(self):
        if lldb.crocus_fibers is not None and self.process.GetPluginName() != "elf-core":
            self.reload("settings clear target.process.python-os-plugin-path")
            lldb.crocus_fibers = None

    def reload(self, command):
        selected = self.process.GetSelectedThread().GetThreadID()
        self.debugger.HandleCommand(command)
        self.process.SetSelectedThreadByID(selected)

    def select(self, process, fiber):
        return []

    def core(self, process, file):
        return ["fiber core is gdb's; of a core dump that the kernel made, lldb can show everything"]


class OperatingSystemPlugIn:
    """What lldb asks for threads that an operating system in the process has made."""

    def __init__(self, _):
        self.fibers = lldb.crocus_fibers
        self.x86 = any("rip" in registers for _, registers in self.fibers.values())
        self.names = ("rax rdx rcx rbx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip".split() if self.x86 else
                      [f"x{n}" for n in range(31)] + ["sp", "pc"])

    def get_thread_info(self):
        return [{"tid": address, "name": f"fiber {name}", "queue": "", "state": "stopped", "stop_reason": "none"}
                for address, (name, _) in self.fibers.items()]

    def get_register_info(self):
        generic = dict(rip="pc", rsp="sp", rbp="fp") if self.x86 else dict(pc="pc", sp="sp", x29="fp", x30="lr")
        registers = [{"name": name, "bitsize": 64, "offset": 8 * i, "encoding": "uint", "format": "hex", "set": 0,
                      "gcc": i, "dwarf": i, **({"generic": generic[name]} if name in generic else {})}
                     for i, name in enumerate(self.names)]
        return {"sets": ["GPR"], "registers": registers}

    def get_register_data(self, thread):
        known = self.fibers[thread][1]
        return b"".join(struct.pack("<Q", known.get(name, 0)) for name in self.names)


def __lldb_init_module(debugger, _):
    if hasattr(lldb, "crocus_fibers"):
        return  # imported as a plug-in, by a command that runs, and must stay what it is
    lldb.crocus_fibers = None
    for name in ("fibers", "fiber"):
        debugger.HandleCommand(f"command script add -f crocus.{name}_command {name}")


def lldb_command(debugger, name, text, result):
    host = Lldb(debugger)
    result.AppendMessage("\n".join(run(host, name, shlex.split(text))))
    host.remove_threads()


def fibers_command(debugger, text, result, _):
    lldb_command(debugger, "fibers", text, result)


def fiber_command(debugger, text, result, _):
    lldb_command(debugger, "fiber", text, result)


try:
    import gdb
except ImportError:
    import lldb
else:
    enter_gdb()
