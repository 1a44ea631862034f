using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Cloister.Audit;

/// <summary>What is hashed and signed in an audit log. Numbers are big-endian. secrets: none.</summary>
public static class AuditEncoding
{
    /// <summary>Bytes of a hash.</summary>
    public const int HashSize = 32;

    /// <summary>
    /// An entry's hash: SHA-256( "cloister-audit-v1" | seq: 8 | time: 8 | length: 4, kind in UTF-8 | length: 4, details in UTF-8 | previous: 32 ).
    /// </summary>
    /// <exception cref="ArgumentException">The predecessor's hash is not 32 bytes, or a text is not Unicode.</exception>
    public static byte[] Hash(long seq, long time, string kind, string details, ReadOnlySpan<byte> previous)
    {
        if (previous.Length != HashSize)
            throw new ArgumentException("a hash is 32 bytes", nameof(previous));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData("cloister-audit-v1"u8);
        AppendNumber(hash, seq);
        AppendNumber(hash, time);
        AppendText(hash, kind);
        AppendText(hash, details);
        hash.AppendData(previous);
        return hash.GetHashAndReset();
    }

    /// <summary>What the authority signs to say which key signs checkpoints: "cloister-audit-key-v1\n" | key | "\n".</summary>
    /// <param name="checkpointKey">As <see cref="NoteKey"/> writes it.</param>
    public static byte[] CheckpointKeyMessage(string checkpointKey) => Encoding.UTF8.GetBytes($"cloister-audit-key-v1\n{checkpointKey}\n");

    private static void AppendNumber(IncrementalHash hash, long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        hash.AppendData(bytes);
    }

    private static void AppendText(IncrementalHash hash, string text)
    {
        byte[] bytes = Strict.GetBytes(text);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }

    private static readonly UTF8Encoding Strict = new(false, true);
}
