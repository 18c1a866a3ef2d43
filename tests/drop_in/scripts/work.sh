# bash's own memory: arrays, maps, expansions, subshells, functions, pipes to small programs.
declare -A map
for ((i = 0; i < 3000; i++)); do
    list[i]="value $i ${list[i - 1]:0:40}"
    map[key$((i % 97))]+="$i,"
done
printf '%s\n' "${list[@]}" | sort | uniq -c | awk '{ n += length($0) } END { print NR, n }'
for key in $(printf '%s\n' "${!map[@]}" | sort); do echo "$key ${#map[$key]}"; done
text=$(printf 'x%.0s' {1..20000})
echo "${#text} ${text//x/yz}" | cksum
depth() { if (($1 > 0)); then local here=${2}x; (depth $(($1 - 1)) "$here"); else echo "${#2}"; fi; }
depth 12 ''
seq 1 20000 | xargs -n 500 echo | tac | cut -c1-30 | sed 's/1/one/g' | cksum
