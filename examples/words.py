"""A small index: makes up a text, counts its words, sorts them, prints the most frequent ones."""
import collections
import random
import re

random.seed(7)
syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
words = ["".join(random.choices(syllables, k=random.choice((1, 2, 2, 3)))) for _ in range(20000)]
text = " ".join(words[int(20000 * random.random() ** 3)] for _ in range(200000))

places = collections.defaultdict(list)
for match in re.finditer(r"\w+", text):
    places[match[0]].append(match.start())
ranking = sorted(places, key=lambda word: (-len(places[word]), word))
print(f"  {len(places)} different words in {len(text)} letters; the most frequent ones:")
for word in ranking[:5]:
    print(f"  {word:8} {len(places[word]):6}  {'#' * (len(places[word]) * 40 // len(places[ranking[0]]))}")
