using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Cloister.Release;

/// <summary>AES key wrap, RFC 3394, with the default initial value. secrets: both keys pass through; nothing is kept.</summary>
internal static class AesKeyWrap
{
    private const int BlockSize = 16;
    private const int Half = 8;
    private const int Rounds = 6;
    private const ulong InitialValue = 0xA6A6A6A6A6A6A6A6;

    /// <summary>Wraps a key.</summary>
    /// <param name="wrappingKey">16, 24 or 32 bytes.</param>
    /// <param name="key">A multiple of 8 bytes, at least 16.</param>
    /// <returns>8 bytes more than <paramref name="key"/>.</returns>
    /// <exception cref="ArgumentException">The key has another length.</exception>
    internal static byte[] Wrap(ReadOnlySpan<byte> wrappingKey, ReadOnlySpan<byte> key)
    {
        int halves = key.Length / Half;
        if (key.Length % Half != 0 || halves < 2)
        {
            throw new ArgumentException("a key to wrap has a multiple of 8 bytes, at least 16", nameof(key));
        }

        using Aes aes = Aes.Create();
        aes.SetKey(wrappingKey);
        byte[] wrapped = new byte[Half + key.Length];
        key.CopyTo(wrapped.AsSpan(Half));
        Span<byte> block = stackalloc byte[BlockSize];
        BinaryPrimitives.WriteUInt64BigEndian(block, InitialValue);
        for (int step = 1; step <= Rounds * halves; step++)
        {
            Span<byte> register = wrapped.AsSpan((((step - 1) % halves) + 1) * Half, Half);
            register.CopyTo(block[Half..]);
            aes.EncryptEcb(block, block, PaddingMode.None);
            BinaryPrimitives.WriteUInt64BigEndian(block, BinaryPrimitives.ReadUInt64BigEndian(block) ^ (ulong)step);
            block[Half..].CopyTo(register);
        }

        block[..Half].CopyTo(wrapped);
        CryptographicOperations.ZeroMemory(block);
        return wrapped;
    }
}
