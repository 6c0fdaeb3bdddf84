#!/usr/bin/env python3
"""rules.py [BUILD]: the rules of the house that no compiler knows, each a small function.

Prints what is wrong as file:line: text, then the ten longest functions to look at; exits 1 when
something is wrong. BUILD is a debug build (build/dev), read for the rooms' mutable state.
"""
import pathlib
import re
import statistics
import subprocess
import sys

# From the ground up; includes point down only, and not sideways within a line.
LAYERS = [
    ["core"], ["config"], ["net"], ["aws"], ["proto", "xray"], ["translate", "queue"], ["processor"], ["local"],
    ["receiver", "exporter"], ["daemon"],
]
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}
# Sideways includes that stand: (from, file included) and why.
SIDEWAYS = {}

# Third-party headers and the rooms that may include them, in .c files only.
THIRD_PARTY = [
    (r"grpc/", {"receiver", "exporter"}),  # exporter: the OTLP client
    (r"protobuf-c/|.*\.pb-c\.h", {"proto"}),
    (r"(curl|gnutls)/|microhttpd\.h", {"net"}),
    (r"openssl/", {"aws", "net"}),
    (r"sqlite3\.h", {"local"}),
    (r"zstd\.h", {"local", "net"}),
    (r"zlib\.h", {"net"}),
    (r"yaml\.h", {"config"}),
    (r"json-c/", set(RANK) - {"core"}),  # small bodies off the hot path
]
BANNED = "strcpy strcat sprintf vsprintf strtok atoi gets alloca".split()
FILE_MAX_LINES = 1000

INCLUDE = re.compile(r'\s*#\s*include\s+([<"])([^>"]+)')
COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def tracked(*patterns):
    listing = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "--", *patterns],
                             check=True, capture_output=True, text=True).stdout
    return sorted({pathlib.Path(name) for name in listing.splitlines() if pathlib.Path(name).is_file()})


def room_of(path):
    return path.parts[0] if path.parts[0] in RANK else None


def code_of(path):
    """The file without comments and string contents, every line where it was."""
    return COMMENT_OR_TEXT.sub(lambda m: "\n" * m.group().count("\n"), path.read_text())


def includes(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1) == '"', match.group(2)


def check_arrows(path):
    room = room_of(path)
    for number, ours, name in includes(path):
        target = name.split("/")[0]
        if not ours or name.endswith(".pb-c.h"):
            continue
        if target not in RANK or "/" not in name:
            yield number, f'"{name}": include by room and file, from the root'
        elif target != room and RANK[target] >= RANK[room] and (room, name) not in SIDEWAYS:
            yield number, f'"{name}": {room} stands below or beside {target}'


def check_third_party(path):
    for number, _, name in includes(path):
        for pattern, rooms in THIRD_PARTY:
            if not re.match(pattern, name):
                continue
            if room_of(path) not in rooms:
                yield number, f"<{name}> belongs to {', '.join(sorted(rooms))}"
            elif path.suffix == ".h":
                yield number, f"<{name}>: third-party types stay in .c files"


def check_own_header_first(path):
    own = path.with_suffix(".h")
    first = next(includes(path), None)
    if path.suffix == ".c" and own.exists() and first and first[2] != str(own):
        yield first[0], f'"{own}" comes first, so that it proves to stand alone'


def check_calls(path):
    for number, line in enumerate(code_of(path).splitlines(), 1):
        for call in re.findall(rf"\b({'|'.join(BANNED)})\s*\(", line):
            yield number, f"{call}() is banned"


def check_leftovers(path):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if re.search(r"\b(TODO|FIXME|XXX)\b", line):
            yield number, "finish it, or write an issue"


def check_length(path):
    lines = path.read_text().count("\n")
    if lines > FILE_MAX_LINES:
        yield lines, f"{lines} lines; {FILE_MAX_LINES} are the most"


def line_of(path, name):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if re.search(rf"\b{re.escape(name)}\b", line):
            return number
    return 1


def check_state(build):
    """Mutable globals and function-static state, as the objects have them. Tables of pointers are
    relocated once and read-only after that: .data.rel.ro."""
    for room in RANK:
        archive = build / room / f"libray_{room}.a"
        if room == "daemon" or not any(tracked(f"{room}/*.c")):
            continue
        if not archive.exists():
            yield pathlib.Path(room), 1, f"{archive} is missing: build it first"
            continue
        listing = subprocess.run(["objdump", "-t", archive], check=True, capture_output=True, text=True).stdout
        member = None
        for line in listing.splitlines():
            if ".o:" in line:
                member = line.split(".o:")[0]
            match = re.match(r"\S+ .{7} (\.t?(?:data|bss)\S*)\s+\S+ (?:\.hidden )?([^.]\S*)$", line)
            if match and not match.group(1).startswith(".data.rel.ro"):
                source, name = pathlib.Path(room) / member, re.sub(r"\.\d+$", "", match.group(2))
                yield source, line_of(source, name) if source.exists() else 1, f"{name} is mutable state"


def functions(path):
    """(lines, name, line) of each function, by our brace style: { and } alone at the margin."""
    lines, start = path.read_text().splitlines(), None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            head = start - 1
            while head > 1 and lines[head - 2].strip() and not lines[head - 2].startswith(("}", "#", " *")):
                head -= 1
            name = re.search(r"(\w+)\(", " ".join(lines[head - 1:start - 1]).replace("RAY_PRINTF(", ""))
            yield number - start - 1, name.group(1) if name else "?", start
            start = None


def print_longest(paths):
    found = sorted(((size, path, name, line) for path in paths for size, name, line in functions(path)), reverse=True)
    if found:
        print(f"{len(found)} functions, median {statistics.median(f[0] for f in found):.0f} lines; the longest:")
    for size, path, name, line in found[:10]:
        print(f"  {size:4} {path}:{line} {name}")


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "build/dev")
    everything = tracked("*.c", "*.h")
    rooms = [path for path in everything if room_of(path)]
    problems = []
    for paths, rules in [
        (rooms, [check_arrows, check_third_party, check_own_header_first]),
        (everything, [check_calls]),
        (everything + tracked("*.py", "*.sh", "*.ts", "*.tsx", "*.txt", "*.cmake"), [check_length]),
        ([path for path in everything + tracked("*.py", "*.sh", "*.ts", "*.tsx") if path.parts[:2] != ("tests", "lint")],
         [check_leftovers]),
    ]:
        for path in paths:
            for rule in rules:
                problems += [(path, number, text) for number, text in rule(path)]
    problems += check_state(build)
    for path, number, text in sorted(problems):
        print(f"{path}:{number}: {text}")
    print_longest([path for path in rooms if path.suffix == ".c"])
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
