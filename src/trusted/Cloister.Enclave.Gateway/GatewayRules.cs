using System.Text;
using Cloister.Enclave.Custody.Values;

namespace Cloister.Enclave.Gateway;

/// <summary>What is done with a key. secrets: none.</summary>
internal enum KeyUse
{
    /// <summary>Its pair is read, or compared with.</summary>
    Read,

    /// <summary>Its changes are watched.</summary>
    Watch,

    /// <summary>Its value is written.</summary>
    Write,

    /// <summary>It is deleted.</summary>
    Delete,
}

/// <summary>
/// Which keys the gateway serves, which of their values it encrypts, and whether it reads plaintext. Beside the prefixes an API server needs
/// two keys: the one that its compactors agree by, and the one that its health check reads. Immutable. secrets: none.
/// </summary>
public sealed class GatewayRules
{
    /// <summary>Bytes of a revision in decimal.</summary>
    internal const int MaxCompactionValue = 20;

    private readonly byte[][] _prefixes;
    private readonly byte[][] _uncovered;
    private readonly byte[][] _readable;

    /// <summary>Rules for these prefixes.</summary>
    /// <param name="prefixes">At least one; each begins and ends with <c>/</c> and has a name in between.</param>
    /// <param name="mode">What becomes of plaintext.</param>
    /// <param name="uncovered">Beginnings of keys that pass in clear; null for none.</param>
    /// <exception cref="ArgumentException">No prefix, one that is not of that form, or an empty beginning.</exception>
    public GatewayRules(IReadOnlyList<string> prefixes, PlaintextMode mode, IReadOnlyList<string>? uncovered = null)
    {
        if (prefixes.Count == 0)
        {
            throw new ArgumentException("no prefix is given: nothing would be encrypted", nameof(prefixes));
        }

        foreach (string prefix in prefixes)
        {
            if (prefix.Length < 3 || prefix[0] != '/' || prefix[^1] != '/')
            {
                throw new ArgumentException($"prefix \"{prefix}\" does not begin and end with / around a name", nameof(prefixes));
            }
        }

        if (uncovered?.Contains("") == true)
        {
            throw new ArgumentException("an empty beginning would let every key pass", nameof(uncovered));
        }

        _prefixes = [.. prefixes.Select(Encoding.UTF8.GetBytes)];
        _uncovered = [.. (uncovered ?? []).Select(Encoding.UTF8.GetBytes)];

        // The health check's key is beside the resources; the resource's own name is asked for the revision of this moment.
        _readable = [.. prefixes.SelectMany(prefix => (string[])[prefix[..(prefix.LastIndexOf('/', prefix.Length - 2) + 1)] + "health", prefix[..^1]])
            .Distinct().Select(Encoding.UTF8.GetBytes)];
        Mode = mode;
        Served = string.Join(", ", prefixes);
    }

    /// <summary>Where an API server keeps Secrets unless it is told otherwise.</summary>
    public static string DefaultPrefix => "/registry/secrets/";

    /// <summary>What becomes of plaintext.</summary>
    public PlaintextMode Mode { get; }

    private string Served { get; }

    /// <summary>True for the key that compactors agree by; its value is a number.</summary>
    internal static bool IsCompaction(ReadOnlySpan<byte> key) => key.SequenceEqual("compact_rev_key"u8);

    /// <summary>Refuses what is done with keys that are not all served: covered, named as uncovered, or one of the exceptions.</summary>
    /// <exception cref="EtcdRefusalException">They are not.</exception>
    /// <param name="key">As in <see cref="KeyRange"/>.</param>
    /// <param name="end">As there.</param>
    /// <param name="use">What is done.</param>
    internal void RequireServed(ReadOnlySpan<byte> key, ReadOnlySpan<byte> end, KeyUse use)
    {
        if (!LiesWithinOne(key, end, _prefixes) && !LiesWithinOne(key, end, _uncovered) && !(end.IsEmpty && IsException(key, use)))
        {
            throw EtcdRefusalException.Request(
                new KeyRange(key.ToArray(), end.ToArray()), use switch { KeyUse.Read => "read", KeyUse.Watch => "watch", KeyUse.Write => "write", _ => "delete" }, Served);
        }
    }

    /// <summary>True when the value of that etcd key is encrypted.</summary>
    public bool Covers(ReadOnlySpan<byte> key)
    {
        foreach (byte[] prefix in _prefixes)
        {
            if (key.StartsWith(prefix))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>True when a range of etcd keys holds a key whose value is encrypted.</summary>
    /// <param name="key">First key.</param>
    /// <param name="rangeEnd">As etcd reads it: empty for the key alone, one zero byte for no end, else the first key that is not meant.</param>
    public bool CoversAny(ReadOnlySpan<byte> key, ReadOnlySpan<byte> rangeEnd)
    {
        if (rangeEnd.IsEmpty)
        {
            return Covers(key);
        }

        bool endless = rangeEnd.Length == 1 && rangeEnd[0] == 0;
        foreach (byte[] prefix in _prefixes)
        {
            // The keys under a prefix are neighbours: the range meets them when it begins among or before them and ends behind their first.
            if ((endless || rangeEnd.SequenceCompareTo(prefix) > 0) && (key.StartsWith(prefix) || key.SequenceCompareTo(prefix) < 0))
            {
                return true;
            }
        }

        return false;
    }

    private static bool LiesWithinOne(ReadOnlySpan<byte> key, ReadOnlySpan<byte> end, byte[][] prefixes)
    {
        foreach (byte[] prefix in prefixes)
        {
            if (KeyRange.LiesWithin(key, end, prefix))
            {
                return true;
            }
        }

        return false;
    }

    // etcd itself refuses to read no key.
    private bool IsException(ReadOnlySpan<byte> key, KeyUse use) =>
        use == KeyUse.Read ? key.IsEmpty || IsCompaction(key) || IsReadable(key) : use != KeyUse.Delete && IsCompaction(key);

    private bool IsReadable(ReadOnlySpan<byte> key)
    {
        foreach (byte[] readable in _readable)
        {
            if (key.SequenceEqual(readable))
            {
                return true;
            }
        }

        return false;
    }
}
