using Google.Protobuf;

namespace Cloister.Cli.Etcd;

/// <summary>Bounds of ranges of keys, in the order of their bytes.</summary>
internal static class EtcdRange
{
    private static readonly ByteString Zero = ByteString.CopyFrom(0);

    /// <summary>The first key that can begin with <paramref name="prefix"/>: no key is empty.</summary>
    internal static ByteString StartOf(ByteString prefix) => prefix.IsEmpty ? Zero : prefix;

    /// <summary>The first key after all that begin with <paramref name="prefix"/>; the byte 0 alone stands for "no end".</summary>
    internal static ByteString EndOf(ByteString prefix)
    {
        byte[] bytes = prefix.ToByteArray();
        for (int i = bytes.Length - 1; i >= 0; i--)
        {
            if (bytes[i] != byte.MaxValue)
            {
                bytes[i]++;
                return ByteString.CopyFrom(bytes, 0, i + 1);
            }
        }

        return Zero;
    }

    /// <summary>The first key that can come after <paramref name="key"/>.</summary>
    internal static ByteString After(ByteString key) => ByteString.CopyFrom([.. key.Span, 0]);
}
