namespace Cloister.Enclave.Gateway;

/// <summary>
/// Keys of one request, as etcd reads them: <paramref name="End"/> is empty for <paramref name="Key"/> alone, one zero byte for no end, else
/// the first key that is not meant. secrets: none.
/// </summary>
internal readonly record struct KeyRange(byte[] Key, byte[] End)
{
    /// <summary>Bytes that it keeps.</summary>
    internal int Size => Key.Length + End.Length;

    internal bool IsSingle => End.Length == 0;

    internal bool IsEndless => End is [0];

    internal bool Contains(ReadOnlySpan<byte> key) => IsSingle
        ? key.SequenceEqual(Key)
        : key.SequenceCompareTo(Key) >= 0 && (IsEndless || key.SequenceCompareTo(End) < 0);

    /// <summary>True when every key that is meant begins with that prefix.</summary>
    internal static bool LiesWithin(ReadOnlySpan<byte> key, ReadOnlySpan<byte> end, ReadOnlySpan<byte> prefix)
    {
        if (!key.StartsWith(prefix) || end is [0])
        {
            return false;
        }

        // The first key behind the prefix is the prefix with its last byte one higher; 0xFF has none in a prefix that is UTF-8.
        return end.IsEmpty || end.StartsWith(prefix)
            || (end.Length == prefix.Length && prefix.Length > 0 && end[..^1].SequenceEqual(prefix[..^1]) && end[^1] == prefix[^1] + 1);
    }
}
