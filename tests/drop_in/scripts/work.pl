# Hashes, regular expressions, sorting, strings that grow, and a fork.
use strict;
use warnings;

my (%count, @lines);
for my $i (1 .. 60000) {
    my $line = join ' ', map { chr(97 + ($i * $_) % 26) x ($_ % 9) } 1 .. 12;
    $count{$_}++ for split / /, $line;
    push @lines, scalar reverse $line if $i % 7 == 0;
}
print "$_ $count{$_}\n" for sort keys %count;
my $text = join "\n", sort @lines;
(my $other = $text) =~ s/(\w)(\w+)/$2$1/g;
print length($text), ' ', length($other), ' ', unpack('%32C*', $other), "\n";
my $grown = '';
$grown .= "line $_\n" for 1 .. 100000;
print length($grown), "\n";
$| = 1;
if (my $child = fork) {
    waitpid $child, 0;
    print "child: ", $? >> 8, "\n";
} else {
    my @more = map { "x" x $_ } 1 .. 2000;
    exit(scalar(@more) % 251);
}
