"""Dicts, lists, strings and JSON, as a small web service would use them. First argument: the amount of work."""
import json
import sys

amount = int(sys.argv[1])
seed = 1


def number(below):
    global seed
    seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
    return (seed >> 8) % below


store = {}
for i in range(amount):
    store[f"user-{number(20000)}"] = {
        "name": f"name {i}",
        "tags": [f"tag{number(50)}" for _ in range(number(6))],
        "history": [{"at": i + j, "what": "x" * number(80)} for j in range(number(8))],
        "score": number(1000) / 7,
    }
    if i % 2000 == 1999:
        text = json.dumps(store)
        copy = json.loads(text)
        words = {}
        for user in copy.values():
            for tag in user["tags"]:
                words.setdefault(tag, []).append(user["name"].upper())
        lines = "\n".join(sorted(f"{tag}: {len(names)}" for tag, names in words.items())).split("\n")
        store = {name: user for name, user in copy.items() if number(4)}
print(len(store), len(lines))
