namespace Cloister.Storm;

/// <summary>What one writer asked for with one name, in its order, and what came of each.</summary>
/// <remarks>
/// Nobody else writes the name, every write of it has a condition (that it is not there, or at a revision that was read), it is created once,
/// and no two values are alike. So a write that was refused while nothing was in doubt was refused because of itself: it was applied, and asked for again.
/// </remarks>
internal sealed class SecretHistory(string name)
{
    private readonly List<SecretWrite> _writes = [];
    private readonly List<string?> _possible = [null];

    internal string Name => name;

    /// <summary>Every write; a value of null is a deletion.</summary>
    internal IReadOnlyList<SecretWrite> Writes => _writes;

    /// <summary>What there may be now: one value (null: nothing), or more after writes without an answer.</summary>
    internal IReadOnlyList<string?> Possible => _possible;

    private bool InDoubt => _possible.Count > 1;

    /// <summary>Notes a write, and answers what is wrong about it, or null.</summary>
    internal string? Note(string? value, WriteOutcome outcome, string answer)
    {
        _writes.Add(new SecretWrite(value, outcome));
        switch (outcome)
        {
            case WriteOutcome.Acknowledged:
                // What was in doubt had the same condition, and can no longer be applied.
                _possible.Clear();
                _possible.Add(value);
                return null;
            case WriteOutcome.Unknown:
                if (!_possible.Contains(value))
                {
                    _possible.Add(value);
                }

                return null;
            default:
                return InDoubt ? null : $"{name}: {value ?? "a deletion"} was refused, with nothing in doubt: {answer}";
        }
    }

    /// <summary>Notes what a read found, and answers what is wrong about it, or null.</summary>
    internal string? NoteRead(string? value)
    {
        int found = _possible.IndexOf(value);
        if (found < 0)
        {
            return $"{name}: read {value ?? "nothing"}, possible was {string.Join(" or ", _possible.Select(one => one ?? "nothing"))}";
        }

        // The first is from before the writes in doubt, which may still be on their way. All of these had the same condition: one that shows is the only one.
        if (found > 0)
        {
            _possible.Clear();
            _possible.Add(value);
        }

        return null;
    }

    /// <summary>What is wrong about the events of this name, if anything.</summary>
    /// <param name="events">In their order; a value of null is a deletion.</param>
    internal IEnumerable<string> Faults(IReadOnlyList<(string? Value, long Version)> events)
    {
        int last = -1;
        for (int i = 0; i < events.Count; i++)
        {
            (string? value, long version) = events[i];
            int write = value is null ? _writes.FindLastIndex(one => one.Value is null) : _writes.FindIndex(one => one.Value == value);
            if (write <= last)
            {
                yield return $"{name}: event {i} ({value ?? "deletion"}) was not asked for, came twice, or out of order";
            }
            else if (value is not null && _writes[write].Outcome == WriteOutcome.Refused)
            {
                yield return $"{name}: {value} was applied, and refused";
            }

            if (version != (value is null ? 0 : i + 1))
            {
                yield return $"{name}: event {i} has version {version}";
            }

            last = Math.Max(last, write);
        }

        foreach (SecretWrite write in _writes.Where(write => write.Outcome == WriteOutcome.Acknowledged && !events.Any(one => one.Value == write.Value)))
        {
            yield return $"{name}: {write.Value ?? "a deletion"} was acknowledged, and there is no event of it";
        }
    }
}
