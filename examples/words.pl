# A small index: makes up a text, counts its words, sorts them, prints the most frequent ones.
use strict;
use warnings;

srand 7;
my @syllables = map { my $a = $_; map { $a . $_ } qw(a e i o u) } qw(b d f g k l m n p r s t);
my @words = map { join '', map { $syllables[rand @syllables] } 1 .. 1 + rand 3 } 1 .. 20000;
my $text = join ' ', map { $words[20000 * rand() ** 3] } 1 .. 200000;

my %places;
push @{ $places{$1} }, $-[1] while $text =~ /(\w+)/g;
my @ranking = sort { @{ $places{$b} } <=> @{ $places{$a} } || $a cmp $b } keys %places;
printf "  %d different words in %d letters; the most frequent ones:\n", scalar @ranking, length $text;
printf "  %-8s %6d  %s\n", $_, scalar @{ $places{$_} }, '#' x (@{ $places{$_} } * 40 / @{ $places{ $ranking[0] } })
    for @ranking[0 .. 4];
