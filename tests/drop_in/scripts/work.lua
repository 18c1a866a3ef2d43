-- Tables, strings, closures, coroutines and the garbage collector.
local sum, tables = 0, {}
for i = 1, 200000 do
    tables[i % 5000 + 1] = { i, tostring(i), { n = i } }
    if i % 1000 == 0 then collectgarbage("step") end
end
for _, t in ipairs(tables) do sum = sum + t[1] + #t[2] + t[3].n end
print(sum)
local parts = {}
for i = 1, 30000 do parts[#parts + 1] = string.rep(string.char(97 + i % 26), i % 37) end
local text = table.concat(parts, " ")
print(#text, select(2, text:gsub("%w+", function(w) return w:upper() end)))
local co = coroutine.wrap(function() for i = 1, 10000 do coroutine.yield(("x"):rep(i % 100)) end end)
local length = 0
for _ = 1, 10000 do length = length + #co() end
print(length)
table.sort(parts)
print(parts[1], parts[#parts])
