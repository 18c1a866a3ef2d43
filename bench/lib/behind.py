"""For the tools whose tables have a row per allocator: says in words where ours is behind."""


def lines(measured, ours="ours", digits=1):
    """measured: {what: {allocator: number}}, less is better. One line for each in which a peer has less."""
    found = []
    for what, of in measured.items():
        best = min((peer for peer in of if peer != ours), key=of.get, default=None)
        if ours in of and best and of[ours] > of[best]:
            found.append(f"behind, {what}: {ours} {of[ours]:.{digits}f}, {best} {of[best]:.{digits}f}")
    return found or [f"{ours} is behind in nothing of this"]
