# The C++ of the pages: every block that a page fences with ```cpp is compiled, and a whole program is run as well.
#
#   ```cpp                 a whole program
#   ```cpp compile         a whole program that is not run: it would serve for ever
#   ```cpp declarations    stands at namespace scope
#   ```cpp fragment        stands in a function, below the declarations that stand above it on its page
#   ```cpp run             the same, and the function is run
#
#   awk -f extract.awk PAGE...             lists the blocks: PAGE:NUMBER:KIND
#   awk -v block=2 -f extract.awk PAGE     prints block 2 of the page as a translation unit

FNR == 1 { unclosed(); number = 0; page = FILENAME }
END { unclosed() }

kind != "" && /^ *```/ {
    if (block == "") print page ":" number ":" kind
    else if (number == block) { finish(); kind = ""; exit }
    else if (kind == "declarations") above = above body
    kind = ""
    next
}

kind == "" && /^ *```cpp/ {
    number++
    kind = $2 == "" ? "program" : $2
    body = sprintf("#line %d \"%s\"\n", FNR + 1, FILENAME)
    start = FNR
    next
}

kind != "" { body = body $0 "\n" }

function finish() {
    if (kind == "program" || kind == "compile") {
        printf "#undef NDEBUG  // a page's assert is its test\n%s", body
        if (body !~ /int main\(/) wrong("has no main: say \"cpp run\", \"cpp fragment\" or \"cpp declarations\"")
    } else if (kind == "declarations") {
        printf "#include \"prelude.hpp\"\n%s%s", above, body
    } else if (kind == "fragment") {
        printf "#include \"prelude.hpp\"\n%s[[maybe_unused]] static void fragment() {\n%s}\n", above, body
    } else if (kind == "run") {
        printf "#undef NDEBUG\n#include \"prelude.hpp\"\n%sint main() {\n%s}\n", above, body
    } else {
        wrong("is of no known kind: " kind)
    }
}

# An open fence would hide every block below it.
function unclosed() {
    if (kind != "" && block == "") print page ":" number ":unclosed"
    else if (kind != "" && number == block) wrong("is not closed")
    kind = ""
}

function wrong(what) { printf "#line %d \"%s\"\n#error This block %s.\n", start, page, what }
