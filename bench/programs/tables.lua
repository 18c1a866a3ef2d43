-- Tables and strings: objects come and go, words are built, joined and split. First argument: the amount of work.
local amount = tonumber(arg[1])
local seed = 1
local function number(below)
    seed = (seed * 1103515245 + 12345) & 0x7fffffff
    return (seed >> 8) % below
end

local objects, total = {}, 0
for i = 1, amount do
    objects[number(20000)] = { id = i, name = "object " .. i, at = { x = number(100), y = number(100) } }
    if i % 50 == 0 then
        local words = {}
        for j = 1, 40 do words[j] = string.rep(string.char(97 + number(26)), 1 + number(30)) end
        for word in table.concat(words, " "):gmatch("%a+") do total = total + #word end
    end
end
for _, object in pairs(objects) do total = total + object.at.x end
print(total)
