#!/usr/bin/env python3
"""tools/man reads headers as it should, and check_man.py can fail."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tools"), str(pathlib.Path(__file__).parent)]
import check_man  # noqa: E402
from manual import header, roff  # noqa: E402

TEXT = """/* Things: what they are. Second sentence.
 */
#ifndef CAPALLOC_X_H
#define CAPALLOC_X_H
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif

/* A thing. */
typedef struct ca_thing {
    int x; /* its x */
} ca_thing;

/* Kinds. */
enum { CA_A = 1, CA_B, CA_HIDDEN_ };

/* Sorts. */
typedef enum ca_sort {
    CA_SORT_A = 1, /* one, CA_NOT_THIS */
    CA_SORT_B,
    CA_SORT_MAKE_32_BITS = 0x7fffffff
} ca_sort;

/* ca_do(thing): does it; `x` counts. Errors: CA_ERROR_LAYOUT. Contract: A1, A2. */
int ca_thing_do(ca_thing thing);
__attribute__((cold)) static inline int ca_other_do(int a, ca_thing *thing)
{
    return a; /* } */
}

int ca_undocumented(void);

/* Again. */
int *(ca_again)(int x);

/* Internal. */
void ca_internal_(void);

/* Inline in some programs. */
#if CA_FAST
#define CA_OPERATION static inline
#else
#define CA_OPERATION
#endif

/* It operates. */
CA_OPERATION int ca_operate(int x);

#define CA_MAKE_(type, name, ...)                \\
    static inline type ca_##name##_made(type *x) \\
    {                                            \\
        return memcpy(x, __VA_ARGS__);           \\
    }                                            \\
    static inline type ca_##name##_hidden_(void) \\
    {                                            \\
        return 0;                                \\
    }
/* ca_int_made and so on. */
CA_MAKE_(int, int, x + 1)
CA_MAKE_(long, long,
         (x), sizeof(long))
#undef CA_MAKE_

/* Not the project's. */
int other_do(int x);
CA_UNKNOWN_(memset(x, 0, 1))

#ifdef __cplusplus
}
inline int ca_do(ca_thing thing) { return ca_thing_do(thing); }
#else
#define ca_do(x) ca_thing_do(x)
#endif

/* For all. */
#define CA_ALL(a, ...) \\
    ((a), __VA_ARGS__)
#endif
"""


CXX = """/* ca::thing: what it is.
 */
#include <utility>

namespace ca
{

class other;

/* A thing. */
template <class T, class U = void> class CA_NODISCARD_TYPE_ thing : public base<T>
{
  public:
    using value_type = T;
    thing(int x) : x_(x) {}

    /* Makes one. */
    template <class V> CA_NODISCARD_ static thing make(V x) noexcept
    {
        struct guard {
            int x;
        };
        return thing(x);
    }
    operator int() const &noexcept
    {
        return x_;
    }

  private:
    /* Nobody's. */
    int x_;
    void hidden();

  public:
    /* Everybody's again. */
    void again();
};

/* An owner { of one. */
class other final : public thing<int>
{
};

/* Holds it. */
template <class T>
struct holds : std::false_type {
};
template <class T, int N> struct holds<T[N]> : holds<T> {
};

/* Short. */
template <class T> using shorter = thing<T, int>;

/* Of thing, here because it needs the other. */
template <class T> void thing<T>::again() {}

/* Are they the same? */
template <class T> bool operator==(const thing<T> &left, const thing<T> &right)
{
    return true;
}

} // namespace ca
"""


def read(case, name, text):
    folder = tempfile.TemporaryDirectory()
    case.addCleanup(folder.cleanup)
    path = pathlib.Path(folder.name, name)
    path.write_text(text)
    return header.read(path)


class ReadingCxx(unittest.TestCase):
    def setUp(self):
        self.header = read(self, "x.hpp", CXX)

    def test_names(self):
        self.assertEqual([name for name, _ in self.header.names()], ["ca::thing", "ca::other", "ca::holds", "ca::shorter"])

    def test_groups(self):
        self.assertEqual([(group.lines[0], [item.text for item in group.items]) for group in self.header.groups], [
            ("A thing.", ["template <class T, class U = void> class thing : public base<T>;", "thing(int x);"]),
            ("Makes one.", ["template <class V> static thing make(V x) noexcept;", "operator int() const &noexcept;"]),
            ("Everybody's again.", ["void again();"]),
            ("An owner { of one.", ["class other final : public thing<int>;"]),
            ("Holds it.", ["template <class T>\nstruct holds;"]),
            ("Short.", ["template <class T> using shorter = thing<T, int>;"]),
            ("Are they the same?", ["template <class T> bool operator==(const thing<T> &left, const thing<T> &right);"])])

    def test_a_template_stands_on_a_line_of_its_own(self):
        self.assertEqual(roff.prototype("template <int (*F)(int)> class x;"),
                         ["\\fBtemplate <int (*F)(int)>\\fR", "\\fBclass x;\\fR"])


class Reading(unittest.TestCase):
    def setUp(self):
        self.header = read(self, "x.h", TEXT)

    def test_names(self):
        self.assertEqual([name for name, _ in self.header.names()],
                         ["ca_thing", "CA_A", "CA_B", "ca_sort", "CA_SORT_A", "CA_SORT_B", "ca_do", "ca_thing_do", "ca_other_do",
                          "ca_again", "ca_operate", "ca_int_made", "ca_long_made", "CA_ALL"])

    def test_prototypes_are_whole_and_bare(self):
        texts = [item.text for group in self.header.groups for item in group.items]
        self.assertIn("int ca_operate(int x);", texts)
        self.assertIn("long ca_long_made(long *x);", texts)

    def test_a_group(self):
        group = self.header.groups[3]
        self.assertEqual(group.lead, "ca_do(thing)")
        self.assertTrue(group.lines[0].startswith("Does it;"))
        self.assertEqual([item.text for item in group.items],
                         ["int ca_thing_do(ca_thing thing);", "int ca_other_do(int a, ca_thing *thing);"])

    def test_words(self):
        text = "\n".join(roff.Writer({"x.h": "capalloc_x"}).paragraphs(self.header.groups[3].lines + ["See x.h."]))
        self.assertEqual(text, ".PP\nDoes it; \\fIx\\fR counts.\n.PP\n\\fBErrors:\\fR \\%\\fBCA_ERROR_LAYOUT\\fR. "
                               "See \\%\\fBcapalloc_x\\fR(3).")

    def test_two_columns_are_a_list_and_examples_stay(self):
        writer = roff.Writer()
        self.assertIn(".TP", writer.indented(["    -a FILE   takes it", "              away", "    -b        not"]))
        self.assertIn(".EX", writer.indented(["    int x = 1;   // one", "    use(x);"]))
        self.assertIn(".EX", writer.indented(["    a   b   c", "    d   e   f"]))

    def test_what_roff_would_take_as_its_own(self):
        self.assertEqual(roff.escape(".x"), "\\&.x")
        self.assertEqual(roff.escape("'a\\b-"), "\\&\\(aqa\\eb\\-")


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, TOP / "tools/man", "--output", folder, "--version", "0"], check=True)
            cls.pages = {path.name: path.read_text() for path in pathlib.Path(folder, "man3").iterdir()}

    def test_names_of_cxx_lead_to_their_header(self):
        """All that docs/cxx.md names."""
        wanted = set(re.findall(r"`(ca::\w+)", (TOP / "docs/cxx.md").read_text()))
        self.assertEqual({name for name in wanted if f"{name}.3" not in self.pages}, set())
        for name, owner in ("box", "box"), ("heap", "heap"), ("allocator_in", "allocator"), ("no_pointers", "intention"):
            self.assertEqual(self.pages[f"ca::{name}.3"], f".so man3/capalloc_{owner}_hpp.3\n")
        self.assertIn("static heap make(", self.pages["capalloc_heap_hpp.3"].replace("\\fB", ""))

    BY_AUTHORITY = re.compile(r"\w+_result \w+\(.*\bca_authority \w+")

    def test_quota(self):
        """What takes memory by the right of an authority can meet its quota: the comment says so, or says whose errors it has."""
        found = 0
        for path in sorted((TOP / "include/capalloc").glob("*.h")):
            for group in [] if path.name in ("cap_plain.h", "cap_native.h") else header.read(path).groups:
                text = " ".join(group.lines)
                if any(self.BY_AUTHORITY.match(item.text) for item in group.items):
                    found += 1
                    self.assertRegex(text, r"CA_ERROR_QUOTA|[Tt]he same|as ca_(allocate|grow)", f"{path.name}: {text}")
        self.assertGreater(found, 7)

    def test_the_page_has_it(self):
        page = self.pages["capalloc_heap.3"]
        errors = page[page.index(".SH ERRORS"):]
        self.assertRegex(errors, r"CA_ERROR_QUOTA(.*\n){2}See .*ca_allocate.*ca_grow")


@unittest.skipUnless(shutil.which("man"), "man is not installed")
class Checking(unittest.TestCase):
    PAGE = '.TH X 3\n.SH NAME\nx \\- y\n.SH SYNOPSIS\nx\n.SH DESCRIPTION\nx\n.SH "SEE ALSO"\nx\n'

    def findings(self, description=None, section="man3", **pages):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, section).mkdir()
            for name, text in pages.items():
                pathlib.Path(folder, section, f"{name}.{section[-1]}").write_text(text)
            if description:
                pathlib.Path(folder, "abi").write_text(description)
                description = pathlib.Path(folder, "abi")
            return "\n".join(check_man.check(folder, description))

    def test_accepts_a_good_page(self):
        description = "<elf-symbol name='ca_y'/><elf-symbol name='ca_y_'/><enumerator name='CA_MAKE_32_BITS'/>"
        self.assertEqual(self.findings(capalloc_x=self.PAGE, ca_y=".so man3/capalloc_x.3\n", description=description), "")

    def test_sees_what_is_wrong(self):
        self.assertIn("nowhere", self.findings(ca_y=".so man3/nowhere.3\n"))
        for name in ("memcpy", "cheri_x", "x_ca_y", "capallocx"):
            self.assertIn("not a name of the project's", self.findings(**{name: self.PAGE}), name)
        self.assertIn("no section NAME", self.findings(x=self.PAGE.replace(".SH NAME", ".SH NAMES")))
        self.assertIn("no section EXIT STATUS", self.findings(section="man1", capalloc=self.PAGE))
        self.assertIn("warning", self.findings(x=self.PAGE + ".nosuchmacro\n"))
        self.assertIn("ca_y: has no page", self.findings(x=self.PAGE, description="<elf-symbol name='ca_y'/>"))
        self.assertIn("CA_Y: has no page", self.findings(x=self.PAGE, description="<enumerator name='CA_Y' value='1'/>"))


if __name__ == "__main__":
    unittest.main()
