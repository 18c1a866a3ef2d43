# Counts, sorts and rewrites words: hashes, arrays, substitutions. First argument: the amount of work.
use strict;
use warnings;

my ($amount, $seed, %count, @lines) = ($ARGV[0], 1);
sub number { $seed = ($seed * 1103515245 + 12345) & 0x7fffffff; return ($seed >> 8) % $_[0] }

for my $i (1 .. $amount) {
    my $line = join ' ', map { 'w' . number(20000) . 'x' x number(20) } 1 .. 12;
    $count{$_}++ for split / /, $line;
    $line =~ s/w(\d+)x*/<$1>/g;
    push @lines, { text => $line, length => length $line };
    splice @lines, number(4000), 500 if @lines > 5000;
}
print scalar(keys %count), ' ', scalar(@lines), ' ', (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0], "\n";
