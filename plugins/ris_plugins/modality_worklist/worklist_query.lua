-- Orthanc calls this for each worklist query, before it matches anything itself.
--
-- Orthanc drops from an answer each item of a sequence that its own matching refuses, and its own matching knows neither
-- the period that a date range and a time range make together (PS3.4 table K.6-1), nor names without accents. So the
-- query is put aside whole in (0040,0340) for the worklist plugin to match, and in the sequences that Orthanc sees only
-- the names of the return keys are left.

local ORIGINAL = '0040,0340'

local function is_private_or_length(tag)
  local group, element = string.match(tag, '^(%x+),(%x+)$')
  return group == nil or tonumber(group, 16) % 2 == 1 or tonumber(element, 16) == 0
end

-- A copy with public attributes only; with values left out where `blank`. A sequence without keys becomes an empty one.
local function copy(item, blank)
  local result = {}
  for tag, value in pairs(item) do
    if not is_private_or_length(tag) then
      if type(value) ~= 'table' then
        result[tag] = blank and '' or value
      else
        local items = {}
        for _, child in ipairs(value) do
          if next(child) ~= nil then
            table.insert(items, copy(child, blank))
          end
        end
        result[tag] = items
      end
    end
  end
  return result
end

function IncomingWorklistRequestFilter(query, origin)
  local original = copy(query, false)
  local seen = copy(query, true)
  seen['0008,0005'] = 'ISO_IR 192' -- what Orthanc has decoded the values to; it cannot write code extensions
  original['0008,0005'] = nil
  seen[ORIGINAL] = { original }
  return seen
end
