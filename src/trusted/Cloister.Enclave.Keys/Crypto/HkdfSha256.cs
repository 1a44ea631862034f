using System.Security.Cryptography;

namespace Cloister.Enclave.Keys.Crypto;

/// <summary>
/// HKDF-Expand with SHA-256 for one block of output, which a Secret needs for its key: HMAC over the info and one byte. The platform's own looks
/// its algorithms up at every call, which costs more than encrypting a Secret. Source: RFC 5869, section 2.3; RFC 2104. Thread-safe.
/// secrets: key and output pass through; the digest context of the thread is left as new.
/// </summary>
internal static class HkdfSha256
{
    /// <summary>Bytes of the output.</summary>
    internal const int Size = 32;

    private const int BlockSize = 64;

    [ThreadStatic]
    private static DigestContext? _context;

    /// <summary>Derives.</summary>
    /// <param name="key">The pseudorandom key, at least 32 bytes; more than 64 are hashed first.</param>
    /// <param name="info">Any length.</param>
    /// <param name="output">32 bytes.</param>
    internal static void Expand(ReadOnlySpan<byte> key, ReadOnlySpan<byte> info, Span<byte> output)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(key.Length, Size);
        ArgumentOutOfRangeException.ThrowIfNotEqual(output.Length, Size);
        DigestContext context = _context ??= new DigestContext();
        Span<byte> padded = stackalloc byte[BlockSize];
        padded.Clear();
        try
        {
            if (key.Length > BlockSize)
            {
                context.Begin();
                context.Add(key);
                context.Finish(padded[..Size]);
            }
            else
            {
                key.CopyTo(padded);
            }

            Begin(context, padded, 0x36);
            context.Add(info);
            context.Add([1]);
            context.Finish(output);
            Begin(context, padded, 0x36 ^ 0x5C);
            context.Add(output);
            context.Finish(output);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(padded);

            // What it held last is the output.
            context.Begin();
        }
    }

    private static void Begin(DigestContext context, Span<byte> padded, byte change)
    {
        for (int i = 0; i < padded.Length; i++)
        {
            padded[i] ^= change;
        }

        context.Begin();
        context.Add(padded);
    }
}
