using System.Text;

namespace Cloister.Enclave.Gateway;

/// <summary>Which values the gateway encrypts, and whether it reads plaintext. Immutable. secrets: none.</summary>
public sealed class GatewayRules
{
    private readonly byte[][] _prefixes;

    /// <summary>Rules for these prefixes.</summary>
    /// <param name="prefixes">At least one; each begins and ends with <c>/</c> and has a name in between.</param>
    /// <param name="mode">What becomes of plaintext.</param>
    /// <exception cref="ArgumentException">No prefix, or one that is not of that form.</exception>
    public GatewayRules(IReadOnlyList<string> prefixes, PlaintextMode mode)
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

        _prefixes = [.. prefixes.Select(Encoding.UTF8.GetBytes)];
        Mode = mode;
    }

    /// <summary>Where an API server keeps Secrets unless it is told otherwise.</summary>
    public static string DefaultPrefix => "/registry/secrets/";

    /// <summary>What becomes of plaintext.</summary>
    public PlaintextMode Mode { get; }

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
}
