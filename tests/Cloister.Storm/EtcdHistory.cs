namespace Cloister.Storm;

/// <summary>What happened in etcd by its own account, with values by the gateway's: what others saw is held against it.</summary>
internal sealed class EtcdHistory
{
    private const string Prefix = "/registry/secrets/default/";

    private readonly List<ApiObservation> _events = [];
    private readonly List<long> _versions = [];

    /// <param name="direct">A watch of etcd.</param>
    /// <param name="through">The same through the gateway.</param>
    internal EtcdHistory(
        IReadOnlyList<(long Revision, string Key, string Value, long Version)> direct, IReadOnlyList<(long Revision, string Key, string Value, long Version)> through)
    {
        Dictionary<string, string> values = [];
        foreach (((long revision, string key, _, long version), (_, _, string clear, _)) in direct.Zip(through))
        {
            string name = key[Prefix.Length..];
            string value = version == 0 ? values[name] : PasswordIn(clear);
            values[name] = value;
            _events.Add(new ApiObservation(revision, version switch { 0 => "DELETED", 1 => "ADDED", _ => "MODIFIED" }, name, value));
            _versions.Add(version);
        }
    }

    /// <summary>The events of a name; a value of null is a deletion.</summary>
    internal ILookup<string, (string? Value, long Version)> ByName => _events.Zip(_versions).ToLookup(
        one => one.First.Name, one => (one.First.Type == "DELETED" ? null : one.First.Value, one.Second));

    /// <summary>How many events a client saw one after the other; fails unless they are the ones that etcd had after its list, and the list what etcd had then.</summary>
    internal int Follow(IReadOnlyList<ApiObservation> seen)
    {
        int next = 0;
        int followed = 0;
        SortedDictionary<string, long> now = new(StringComparer.Ordinal);
        foreach (ApiObservation observation in seen)
        {
            if (observation.Listed is { } listed)
            {
                for (; next < _events.Count && _events[next].Revision <= observation.Revision; next++)
                {
                    Apply(now, _events[next]);
                }

                Assert.Equal(now, listed.OrderBy(one => one.Key, StringComparer.Ordinal));
            }
            else
            {
                Assert.Equal(_events.ElementAtOrDefault(next), observation);
                Apply(now, _events[next++]);
                followed++;
            }
        }

        Assert.Equal(_events.Count, next);
        return followed;
    }

    private static void Apply(SortedDictionary<string, long> now, ApiObservation change)
    {
        if (change.Type == "DELETED")
        {
            now.Remove(change.Name);
        }
        else
        {
            now[change.Name] = change.Revision;
        }
    }

    // Of a Secret in protobuf: passwords begin with the marker and are 'x' from the semicolon on.
    private static string PasswordIn(string stored)
    {
        int start = stored.IndexOf(SecretWriter.Marker, StringComparison.Ordinal);
        int end = stored.IndexOf(';', start) + 1;
        while (end < stored.Length && stored[end] == 'x')
        {
            end++;
        }

        return stored[start..end];
    }
}
